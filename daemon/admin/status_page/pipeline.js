// The page of one pipeline, "#ingest.orders": what /status says of it, what the database does, and
// what is configured.
let page = null;

function actionsOf(pipeline) {
  const retries = pipeline.open_dead_letters > 0 ? ["retry-dead-letters"] : [];
  return [...(["paused", "held", "scheduled"].includes(pipeline.state) ? ["resume"] : ["pause", "restart"]), ...retries];
}
function told(retry, now) {
  const counts = `${count(retry.loaded)} loaded, ${count(retry.filtered)} filtered, ${count(retry.rejected)} stay dead letters`;
  if (retry.ended === undefined) return `Being retried: ${counts}${retry.all === undefined ? "" : `, of ${count(retry.all)}`}.`;
  return `Retried ${ago(retry.ended, now)}: ${counts}${retry.problem && `; ended early: ${retry.problem}`}.`;
}

function makePage(pipeline) {
  const heading = el("h2", "", pipeline.key);
  heading.tabIndex = -1;
  const made = makeFace(pipeline, heading, 3);
  Object.assign(made, { key: pipeline.key, heading, failure: el("p", "more"), advice: el("ul"), actions: el("p", "actions"),
    lanes: el("p", "more"), looked: el("p", "more"), retry: el("p", "more") });
  made.partitions = table("Partitions", [["topic", ""], ["partition", "n"], ["progress", "n"], ["end", "n"], ["lag", "n"], ["behind", "n"], ["lane", "n"]]);
  made.batches = isOutbox(pipeline) ?
    table("Last batches", [["when", "t"], ["batch", "n"], ["kind", ""], ["events", "n"], ["writer", ""], ["revision", "t"]]) :
    table("Last batches", [["when", "t"], ["topic", ""], ["partition", "n"], ["from", "n"], ["to", "n"], ["rows", "n"], ["rejected", "n"], ["left out", "n"], ["kind", ""], ["writer", ""], ["revision", "t"]]);
  made.reasons = table("Reasons", [["how many", "n"], ["column", ""], ["reason", ""]]);
  made.letters = table("Latest", [["when", "t"], ["topic", ""], ["partition", "n"], ["offset", "n"], ["reasons", ""]]);
  made.settings = table("Its settings", [["key", "t"], ["value", ""]]);
  made.shared = table("Settings of all", [["key", "t"], ["value", ""]]);
  made.advised = section("What to do", [made.advice]);
  made.whole = section("Partitions", [made.lanes, made.partitions.root]);
  made.refused = section(isOutbox(pipeline) ? "Refused events" : "Dead letters", [made.retry, made.reasons.root, made.letters.root]);
  const others = el("details", "", el("summary", "", "of Kafka, the database and the daemon"), made.shared.root);
  const back = el("a", "", "← all pipelines");
  back.href = "#";
  made.root.append(made.failure, made.actions);
  made.view = el("div", "page", el("nav", "", back), made.root, made.advised, made.whole,
    section("Last batches", [made.batches.root, made.looked]), made.refused,
    section("Configuration in force", [made.settings.root, others]));
  return made;
}

function showPartitions(made, pipeline) {
  const all = pipeline.partitions || [];
  const lanes = pipeline.state === "running" ? pipeline.lanes || [] : [];
  say(made.lanes, [counted(all.length, "partition"),
    ...lanes.map((lane, i) => `lane ${i} ${lane.activity.replace("_", " ")}${lane.activity === "reading" ? "" : ` for ${span(lane.seconds)}`}`)].join(", "));
  const shown = [...all].sort((a, b) => b.lag - a.lag || a.topic.localeCompare(b.topic) || a.partition - b.partition).slice(0, 200);
  made.partitions.fill(shown.map((p) => [p.topic, p.partition, count(p.next), p.end === undefined ? "–" : count(p.end), count(p.lag),
    p.lag > 0 && p.lag_seconds > 0 ? span(p.lag_seconds) : "–", p.lane === undefined ? "–" : p.lane]));
  made.whole.hidden = isOutbox(pipeline);
}

function showBooks(made, pipeline, books, now) {
  if (!books || books.key !== pipeline.key) return say(made.looked, "The database is being asked.");
  const when = (batch) => ago(batch.at, now);
  made.batches.fill(books.batches.map((b) => isOutbox(pipeline) ?
    [when(b), count(b.batch), b.kind, count(b.events), b.writer, b.revision] :
    [when(b), b.topic, b.partition, count(b.from), count(b.to), count(b.loaded), count(b.rejected),
      count(b.left_out), b.kind, b.writer, b.revision]));
  made.reasons.fill(books.reasons.map((r) => [count(r.count), r.column || "–", r.reason]));
  say(made.looked, books.problems.length > 0 ? books.problems.join("; ") : books.looked_at === undefined ? "The database is being asked." :
    books.batches.length === 0 ? "No batch in the ledger." : "");
}

function showSettings(made, settings) {
  if (!settings) return;
  const rows = (list) => list.filter((s) => s.value !== "").map((s) => [s.key, s.value === undefined ? "(secret)" : s.value]);
  const own = settings.pipelines.find((p) => p.key === made.key);
  made.settings.fill(own ? [...(own.target ? [["runs on", own.target]] : []), ...rows(own.settings)] : []);
  made.shared.fill(rows(settings.process));
}

function showActions(made, pipeline) {
  const wanted = actionsOf(pipeline);
  if (made.actions.dataset.shown === wanted.join()) return;
  const had = made.actions.contains(document.activeElement);
  made.actions.dataset.shown = wanted.join();
  made.actions.replaceChildren(...wanted.map((action) => {
    const button = el("button", "", action.replaceAll("-", " "));
    button.type = "button";
    button.addEventListener("click", () => askFor(action, pipeline.key));
    return button;
  }));
  if (had) made.actions.firstChild.focus();
}

function showPage(status, key, books, settings) {
  const pipeline = status.pipelines.find((p) => p.key === key);
  if (!pipeline) {
    page = null;
    const back = el("a", "", "all pipelines");
    back.href = "#";
    return $("pipeline").replaceChildren(el("p", "", `There is no pipeline ${key}: `, back));
  }
  if (!page || page.key !== key || page.outbox !== isOutbox(pipeline)) {
    page = Object.assign(makePage(pipeline), { outbox: isOutbox(pipeline) });
    $("pipeline").replaceChildren(page.view);
  }
  showFace(page, pipeline, status.now);
  say(page.failure, pipeline.last_failure ? `last failure ${ago(pipeline.last_failed_at, status.now)}: ${pipeline.last_failure}` : "");
  const advice = adviceFor(pipeline);
  page.advised.hidden = advice.length === 0;
  if (page.advice.dataset.shown !== advice.join()) {
    page.advice.dataset.shown = advice.join();
    page.advice.replaceChildren(...advice.map((name) => el("li", "", runbookLink(name))));
  }
  showActions(page, pipeline);
  showPartitions(page, pipeline);
  showBooks(page, pipeline, books, status.now);
  page.letters.fill((pipeline.dead_letters || []).map((l) => [ago(l.at, status.now), l.topic, l.partition, count(l.offset), l.reasons]));
  say(page.retry, pipeline.dead_letter_retry ? told(pipeline.dead_letter_retry, status.now) : "");
  page.refused.hidden = page.reasons.root.hidden && page.letters.root.hidden && page.retry.textContent === "";
  showSettings(page, settings);
}
