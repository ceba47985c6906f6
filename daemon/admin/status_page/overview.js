// An ingest pipeline writes rows and is behind by records; an outbox sends events and is behind by
// the time for which there has been something to send.
const isOutbox = (pipeline) => pipeline.kind === "outbox";
const done = (pipeline) => (isOutbox(pipeline) ? pipeline.events : pipeline.rows) || 0;
const speed = (pipeline) => (isOutbox(pipeline) ? pipeline.events_per_second : pipeline.rows_per_second) || 0;
const behind = (pipeline) => (isOutbox(pipeline) ? pipeline.backlog_seconds : pipeline.lag) || 0;
const freshness = (pipeline) => Math.max(pipeline.freshness_seconds || 0, pipeline.oldest_uncommitted_seconds || 0);
const route = (pipeline) => isOutbox(pipeline) ? `${pipeline.table} → ${pipeline.topic || "the topic that a row names"}` : `${pipeline.topic} → ${pipeline.table}`;

function look(pipeline) {
  if (pipeline.activity === "stuck") return { tone: "stuck", word: "stuck" };
  if (pipeline.state !== "running") {
    return { tone: pipeline.state, word: pipeline.state === "backing_off" ? "trying again" : pipeline.state };
  }
  if (pipeline.ready && !pipeline.fine) return { tone: "stuck", word: pipeline.held_up && pipeline.held_up === pipeline.reason ? "partly held up" : "rejecting" };
  if (pipeline.filtering) return { tone: pipeline.state, word: "filtering" };
  if (pipeline.activity === "joining_group") return { tone: "waiting", word: "joining the group" };
  if (pipeline.activity === "waiting_for_data") return { tone: "waiting", word: "waiting for data" };
  return { tone: "running", word: "running" };
}
// Those first that somebody has to look at.
function urgency(pipeline) {
  const at = ["failed", "held", "stuck", "backing_off", "paused"].indexOf(look(pipeline).tone);
  return at >= 0 ? at : pipeline.fine ? 6 : 5;
}

// What stands in a card and at the head of a pipeline's page alike.
function makeFace(pipeline, heading, charts) {
  const outbox = isOutbox(pipeline), what = outbox ? "events a second" : "rows a second";
  const face = { pill: el("span", "pill"), route: el("p", "route"), reason: el("p", "reason"),
    numbers: el("dl", "numbers"), more: el("p", "more") };
  const number = (name) => {
    const value = el("dd");
    face.numbers.append(el("div", "", el("dt", "", name), value));
    return value;
  };
  face.rate = number(what);
  face.lag = number(outbox ? "backlog" : "lag");
  face.fresh = number(outbox ? "role" : "freshness");
  face.rates = chart(what, "rows");
  face.lags = chart(outbox ? "backlog in time" : "lag in records", "lag");
  face.ages = chart("freshness", "lag");
  const drawn = [face.rates, face.lags, ...(charts === 3 && !outbox ? [face.ages] : [])];
  face.root = el("article", "card", el("div", "title", heading, face.pill), face.route, face.reason,
    face.numbers, el("div", "charts", ...drawn.map((one) => one.figure)), face.more);
  face.root.dataset.pipeline = pipeline.key;
  return face;
}

function refusals(pipeline) {
  if (pipeline.open_refused === undefined) return `${count(pipeline.refused || 0)} refused since the start`;
  return `${count(pipeline.open_refused)} refused and open`;
}
function letters(pipeline) {
  if (pipeline.open_dead_letters === undefined) return `${count(pipeline.rejects || 0)} dead letters since the start`;
  return counted(pipeline.open_dead_letters, "open dead letter");
}

function showFace(face, pipeline, now) {
  const { tone, word } = look(pipeline);
  face.root.className = `card ${tone}`;
  face.pill.className = `pill ${tone}`;
  say(face.pill, word);
  face.pill.title = `since ${new Date(pipeline.since * 1000).toLocaleString()}`;
  say(face.route, route(pipeline));
  say(face.reason, pipeline.reason);
  face.reason.hidden = !pipeline.reason;
  withUnit(face.rate, rate(speed(pipeline)), bytes(pipeline.bytes_per_second || 0) + "/s");
  if (isOutbox(pipeline)) {
    withUnit(face.lag, behind(pipeline) > 0 ? span(behind(pipeline)) : "none", "");
    withUnit(face.fresh, pipeline.role || "–", "");
  } else {
    withUnit(face.lag, pipeline.lag === undefined ? "–" : count(pipeline.lag), pipeline.lag > 0 && pipeline.lag_seconds > 0 ? span(pipeline.lag_seconds) : "");
    withUnit(face.fresh, pipeline.last_commit ? span(pipeline.freshness_seconds) : "–", "");
    face.fresh.title = "age of the oldest record in the latest batch when it was committed";
  }
  // What the daemon remembers, and where it stands this moment.
  const past = pasts[pipeline.key] || { rate: [], behind: [], freshness: [] };
  face.rates.draw([...past.rate, speed(pipeline)], rate);
  face.lags.draw([...past.behind, behind(pipeline)], isOutbox(pipeline) ? span : count);
  face.ages.draw([...past.freshness, freshness(pipeline)], span);
  const facts = [`${count(done(pipeline))} ${isOutbox(pipeline) ? "events" : "rows"}`,
    isOutbox(pipeline) ? refusals(pipeline) : letters(pipeline),
    pipeline.last_commit ? `last commit ${ago(pipeline.last_commit, now)}` : "nothing committed yet"];
  if (pipeline.oldest_uncommitted_seconds > 0) facts.push(`oldest uncommitted record ${span(pipeline.oldest_uncommitted_seconds)} old`);
  if (pipeline.after_commit) facts.push(`after_commit ${counted(pipeline.after_commit.done, "run")}, ${count(pipeline.after_commit.failed)} failed`);
  if (pipeline.restarts > 0) facts.push(`${counted(pipeline.restarts, "restart")}`);
  say(face.more, facts.join(" · "));
}

const cards = new Map();
function showCards(status) {
  const pipelines = [...status.pipelines].sort((a, b) => urgency(a) - urgency(b) || a.key.localeCompare(b.key));
  const there = new Set(pipelines.map((p) => p.key));
  for (const [key, card] of cards) if (!there.has(key)) { card.root.remove(); cards.delete(key); }
  pipelines.forEach((pipeline, place) => {
    if (!cards.has(pipeline.key)) {
      const link = el("a", "", pipeline.name);
      link.href = `#${pipeline.key}`;
      cards.set(pipeline.key, makeFace(pipeline, el("h2", "", link), 2));
    }
    const card = cards.get(pipeline.key), all = $("pipelines");
    if (all.children[place] !== card.root) {
      const focused = card.root.contains(document.activeElement) ? document.activeElement : null;
      all.insertBefore(card.root, all.children[place] || null);
      if (focused) focused.focus();
    }
    showFace(card, pipeline, status.now);
  });
}

const lists = {
  letters: table("Recent dead letters", [["when", "t"], ["pipeline", ""], ["topic", ""], ["partition", "n"], ["offset", "n"], ["reasons", ""]]),
  log: table("Recent warnings and errors", [["when", "t"], ["about", "t"], ["text", ""]]),
  reloads: table("Configuration", [["when", "t"], ["by", "t"], ["result", ""], ["revision", "t"], ["what", ""]]),
};
for (const [id, list] of Object.entries(lists)) $(id).append(list.root);

function showLists(status) {
  const fill = (id, rows) => { lists[id].fill(rows); $(id).hidden = rows.length === 0; };
  const letters = status.pipelines.flatMap((p) => (p.dead_letters || []).map((letter) => ({ ...letter, name: p.name })));
  letters.sort((a, b) => b.at - a.at);
  fill("letters", letters.slice(0, 20).map((l) => [ago(l.at, status.now), l.name, l.topic, l.partition, count(l.offset), l.reasons]));
  fill("log", status.log.slice(0, 20).map((l) => [ago(l.at, status.now), l.about,
    [l.times > 1 ? `${l.text} (${count(l.times)} times)` : l.text, l.level]]));
  fill("reloads", status.reloads.map((r) => [ago(r.at, status.now), r.trigger, [r.result, r.result], r.revision,
    [r.summary, ...r.problems].filter(Boolean).join("\n")]));
}

function showHead(status) {
  const total = status.pipelines.length, held = status.pipelines.filter((p) => !p.fine).length;
  const refused = status.reloads.length > 0 && status.reloads[0].result === "refused";
  say($("summary"), (status.draining ? "Draining" :
    held > 0 ? `${held} of ${total} pipelines need${held === 1 ? "s" : ""} attention` :
    total === 0 ? "No pipelines" : total === 1 ? "The pipeline is fine" : `All ${total} pipelines are fine`) +
    (refused ? "; the latest configuration was refused" : ""));
  $("summary").className = `summary ${held > 0 || refused || status.draining ? "warn" : ""}`;
  document.title = held > 0 ? `(${held}) Sluice` : refused ? "(!) Sluice" : "Sluice";
  $("facts").replaceChildren(...[["version", status.version], ["up", span(status.now - status.started)], ["configuration", status.revision]]
    .map(([name, value]) => el("div", "", el("dt", "", name), el("dd", "", value))));
}
