// docs/operations.md's chapter on alerts, which came with the page: "### Name", paragraphs, `code`.
const chapters = $("runbook-text").textContent.split(/^### /m).slice(1).map((chapter) => {
  const [name, ...paragraphs] = chapter.split(/\n+/).filter((line) => line.trim() !== "");
  return { name: name.trim(), paragraphs };
});

function runbookLink(name) {
  const link = el("a", "", name);
  link.href = `#runbook/${name}`;
  return link;
}
function adviceFor(pipeline) {
  const { tone, word } = look(pipeline);
  const apply = {
    SluiceFailing: tone === "failed" || tone === "backing_off",
    SluiceStuck: word === "stuck" || tone === "held" || word === "partly held up",
    SluicePaused: tone === "paused",
    SluiceRejectsNearlyAll: word === "rejecting",
    SluiceDeadLetters: pipeline.open_dead_letters > 0,
    SluiceOutboxRefused: pipeline.open_refused > 0,
    SluiceOutboxBacklog: pipeline.backlog_seconds > 300,
    SluiceFreshnessBreached: pipeline.lag_seconds > 300,
  };
  return Object.keys(apply).filter((name) => apply[name]);
}

// A link's target is in another document: its words are left.
function words(paragraph) {
  const plain = paragraph.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
  return plain.split("`").map((part, i) => (i % 2 === 1 ? el("code", "", part) : part));
}
function showRunbook(name) {
  const view = $("runbook");
  if (view.childElementCount === 0) {
    const back = el("a", "", "← all pipelines");
    back.href = "#";
    view.append(el("nav", "", back), el("h2", "", "Runbook"));
    for (const chapter of chapters) {
      const heading = el("h3", "", chapter.name);
      heading.id = `of-${chapter.name}`;
      heading.tabIndex = -1;
      view.append(heading, ...chapter.paragraphs.map((text) => el("p", "", ...words(text))));
    }
  }
  const heading = $(`of-${name}`);
  if (heading) heading.focus();
}
