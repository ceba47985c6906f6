const every = 2000, historyEvery = { hour: 10000, day: 60000 };
let pasts = {}, status = null, books = null, settings = null;
let answered = 0, remembered = -Infinity, timer = 0;

async function ask(what) {
  const response = await fetch(what, { cache: "no-store" });
  if (!response.ok) throw new Error(`${what} ${response.status}`);
  return response.json();
}
const place = () => decodeURIComponent(location.hash.slice(1));
const isRunbook = () => place() === "runbook" || place().startsWith("runbook/");

const isPipeline = () => place() !== "" && !isRunbook();
function turn() {
  $("overview").hidden = place() !== "";
  $("pipeline").hidden = !isPipeline();
  $("runbook").hidden = !isRunbook();
  $("spans").hidden = isRunbook();
  if (isRunbook()) showRunbook(place().slice("runbook/".length));
  if (status) render();
}
function render() {
  showHead(status);
  if (place() === "") {
    showCards(status);
    showLists(status);
  }
  if (isPipeline()) showPage(status, place(), books, settings);
}

async function poll() {
  clearTimeout(timer);
  try {
    if (performance.now() - remembered >= historyEvery[shownSpan()]) {
      pasts = (await ask(`history?span=${shownSpan()}`)).pipelines;
      remembered = performance.now();
    }
    status = await ask("status");
    const key = place();
    if (status.pipelines.some((p) => p.key === key)) {
      books = await ask(`pipelines/${key}`);
      if (!settings || settings.revision !== status.revision) settings = await ask("settings");
    }
    render();
    answered = Date.now();
    document.body.dataset.polls = String(Number(document.body.dataset.polls || 0) + 1);
    $("away").hidden = true;
    document.body.classList.remove("stale");
  } catch (error) {
    say($("away"), "The daemon does not answer" + (answered ? ` since ${new Date(answered).toLocaleTimeString()}; what is below is old` : "") + ".");
    $("away").hidden = false;
    document.body.classList.add("stale");
  }
  clearTimeout(timer);
  timer = setTimeout(poll, every);
}

for (const input of document.querySelectorAll("input[name=span]")) {
  input.addEventListener("change", () => { remembered = -Infinity; poll(); });
}
// Focus follows to what is shown now, so that the keyboard and a screen reader go on from there.
addEventListener("hashchange", async () => {
  scrollTo(0, 0);
  turn();
  await poll();
  if (page && isPipeline()) page.heading.focus();
});
turn();
poll();
