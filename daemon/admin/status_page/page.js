"use strict";
// Everything that comes from the daemon becomes text, never markup: records are anybody's.
const every = 2000, historyEvery = 10000, kept = 361;
const $ = (id) => document.getElementById(id);
const cards = new Map();
let pasts = {};

function el(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const child of children) made.append(child);
  return made;
}
function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const count = (n) => whole.format(n);
function rate(n) { return n > 0 && n < 10 ? n.toFixed(1) : count(n); }
function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (n >= 1024 && at < units.length - 1) { n /= 1024; ++at; }
  return `${at === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[at]}`;
}
function span(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const m = Math.floor(seconds / 60), h = Math.floor(m / 60), d = Math.floor(h / 24);
  if (d > 0) return `${d} d ${h % 24} h`;
  if (h > 0) return `${h} h ${m % 60} m`;
  return `${m} m ${Math.floor(seconds % 60)} s`;
}
const ago = (at, now) => `${span(Math.max(0, now - at))} ago`;

// An ingest pipeline writes rows and is behind by records; an outbox sends events and is behind by
// the time for which there has been something to send.
const isOutbox = (pipeline) => pipeline.kind === "outbox";
const done = (pipeline) => (isOutbox(pipeline) ? pipeline.events : pipeline.rows) || 0;
const speed = (pipeline) => (isOutbox(pipeline) ? pipeline.events_per_second : pipeline.rows_per_second) || 0;
const behind = (pipeline) => (isOutbox(pipeline) ? pipeline.backlog_seconds : pipeline.lag) || 0;

function look(pipeline) {
  if (pipeline.state !== "running") {
    return { tone: pipeline.state, word: pipeline.state === "backing_off" ? "trying again" : pipeline.state };
  }
  if (pipeline.ready && !pipeline.fine) return { tone: "stuck", word: "rejecting" };
  if (pipeline.activity === "stuck") return { tone: "stuck", word: "stuck" };
  if (pipeline.activity === "joining_group") return { tone: "waiting", word: "joining the group" };
  if (pipeline.activity === "waiting_for_data") return { tone: "waiting", word: "waiting for data" };
  return { tone: "running", word: "running" };
}

function chart(name, kind) {
  const area = svg("path", { class: "area" }), curve = svg("path", { class: "curve" });
  const most = el("span");
  const drawing = svg("svg", { viewBox: "0 0 300 46", preserveAspectRatio: "none", role: "img", "aria-label": name }, area, curve);
  const figure = el("figure", `chart ${kind}`, el("figcaption", "", el("span", "", name), most), drawing);
  return { figure, draw(values, text) {
    if (values.length < 2) return;
    const top = Math.max(...values, 1e-9);
    const step = 300 / (kept - 1), left = 300 - step * (values.length - 1);
    const points = values.map((v, i) => `${(left + i * step).toFixed(1)},${(44 - 41 * (v / top)).toFixed(1)}`);
    curve.setAttribute("d", `M${points.join("L")}`);
    area.setAttribute("d", `M${left.toFixed(1)},46L${points.join("L")}L300,46Z`);
    most.textContent = top > 1e-9 ? `max ${text(top)}` : "";
  } };
}

function makeCard(pipeline) {
  const outbox = isOutbox(pipeline), what = outbox ? "events a second" : "rows a second";
  const card = {};
  const number = (name) => {
    const value = el("dd");
    card.numbers.append(el("div", "", el("dt", "", name), value));
    return value;
  };
  card.name = el("h3");
  card.pill = el("span", "pill");
  card.route = el("p", "route");
  card.reason = el("p", "reason");
  card.numbers = el("dl", "numbers");
  card.rate = number(what);
  card.lag = number(outbox ? "backlog" : "lag");
  card.fresh = number(outbox ? "role" : "freshness");
  card.rates = chart(`${what}, last hour`, "rows");
  card.lags = chart(outbox ? "backlog in time" : "lag in records", "lag");
  card.summary = el("summary");
  card.more = el("p", "more");
  card.partitions = el("tbody");
  const head = el("tr");
  for (const [name, kind] of [["topic", ""], ["partition", "n"], ["progress", "n"], ["end", "n"], ["lag", "n"], ["behind", "n"], ["lane", "n"]]) head.append(el("th", kind, name));
  card.table = el("div", "scroll", el("table", "", el("thead", "", head), card.partitions));
  card.details = el("details", "", card.summary, card.more, card.table);
  card.root = el("article", "card", el("div", "title", card.name, card.pill), card.route, card.reason,
    card.numbers, el("div", "charts", card.rates.figure, card.lags.figure), card.details);
  card.root.dataset.pipeline = pipeline.key;
  return card;
}

function refusals(pipeline) {
  if (pipeline.open_refused === undefined) return `${count(pipeline.refused || 0)} refused since the start`;
  return `${count(pipeline.open_refused)} refused and open`;
}

function letters(pipeline) {
  if (pipeline.open_dead_letters === undefined) return `${count(pipeline.rejects || 0)} dead letters since the start`;
  return `${count(pipeline.open_dead_letters)} open dead letter${pipeline.open_dead_letters === 1 ? "" : "s"}`;
}

function withUnit(element, value, unit) {
  element.replaceChildren(value, " ", el("small", "", unit));
}

function showPartitions(card, pipeline) {
  const all = pipeline.partitions || [];
  const lanes = pipeline.state === "running" ? pipeline.lanes || [] : [];
  card.summary.textContent = isOutbox(pipeline) ? "more" : [`${count(all.length)} partition${all.length === 1 ? "" : "s"}`,
    ...lanes.map((lane, i) => `lane ${i} ${lane.activity.replace("_", " ")}${lane.activity === "reading" ? "" : ` for ${span(lane.seconds)}`}`)].join(", ");
  const shown = [...all].sort((a, b) => b.lag - a.lag || a.topic.localeCompare(b.topic) || a.partition - b.partition).slice(0, 50);
  card.partitions.replaceChildren(...shown.map((p) => {
    const row = el("tr");
    row.append(el("td", "", p.topic));
    for (const text of [p.partition, count(p.next), p.end === undefined ? "–" : count(p.end), count(p.lag), p.lag > 0 && p.lag_seconds > 0 ? span(p.lag_seconds) : "–", p.lane === undefined ? "–" : p.lane]) row.append(el("td", "n", String(text)));
    return row;
  }));
  card.table.hidden = shown.length === 0;
}

function show(card, pipeline, now) {
  const { tone, word } = look(pipeline);
  card.root.className = `card ${tone}`;
  card.name.textContent = pipeline.name;
  card.pill.className = `pill ${tone}`;
  card.pill.textContent = word;
  card.pill.title = `since ${new Date(pipeline.since * 1000).toLocaleString()}`;
  card.route.textContent = isOutbox(pipeline) ? `${pipeline.table} → ${pipeline.topic || "the topic that a row names"}` : `${pipeline.topic} → ${pipeline.table}`;
  card.reason.textContent = pipeline.reason;
  card.reason.hidden = !pipeline.reason;
  withUnit(card.rate, rate(speed(pipeline)), bytes(pipeline.bytes_per_second || 0) + "/s");
  if (isOutbox(pipeline)) {
    withUnit(card.lag, behind(pipeline) > 0 ? span(behind(pipeline)) : "none", "");
    withUnit(card.fresh, pipeline.role || "–", "");
  } else {
    withUnit(card.lag, pipeline.lag === undefined ? "–" : count(pipeline.lag), pipeline.lag > 0 && pipeline.lag_seconds > 0 ? span(pipeline.lag_seconds) : "");
    withUnit(card.fresh, pipeline.last_commit ? span(pipeline.freshness_seconds) : "–", "");
    card.fresh.title = "age of the oldest record in the latest batch when it was committed";
  }
  // What the daemon remembers, and where it stands this moment.
  const past = pasts[pipeline.key] || { rate: [0], behind: [0] };
  card.rates.draw([...past.rate, speed(pipeline)], rate);
  card.lags.draw([...past.behind, behind(pipeline)], isOutbox(pipeline) ? span : count);
  const facts = [`${count(done(pipeline))} ${isOutbox(pipeline) ? "events" : "rows"}`,
    isOutbox(pipeline) ? refusals(pipeline) : letters(pipeline),
    pipeline.last_commit ? `last commit ${ago(pipeline.last_commit, now)}` : "nothing committed yet"];
  if (pipeline.oldest_uncommitted_seconds > 0) facts.push(`oldest uncommitted record ${span(pipeline.oldest_uncommitted_seconds)} old`);
  if (pipeline.restarts > 0) facts.push(`${count(pipeline.restarts)} restarts`);
  card.more.textContent = facts.join(" · ");
  if (pipeline.last_failure) card.more.append(el("br"), `last failure ${ago(pipeline.last_failed_at, now)}: ${pipeline.last_failure}`);
  showPartitions(card, pipeline);
}

function fill(id, rows) {
  $(id).hidden = rows.length === 0;
  $(id).querySelector("tbody").replaceChildren(...rows.map((cells) => {
    const row = el("tr");
    for (const [text, kind] of cells) row.append(el("td", kind, String(text)));
    return row;
  }));
}

function showTables(status) {
  const letters = status.pipelines.flatMap((p) => (p.dead_letters || []).map((letter) => ({ ...letter, name: p.name })));
  letters.sort((a, b) => b.at - a.at);
  fill("letters", letters.slice(0, 20).map((l) => [[ago(l.at, status.now), "t"], [l.name, ""], [l.topic, ""], [l.partition, "n"], [count(l.offset), "n"], [l.reasons, ""]]));
  fill("log", status.log.slice(0, 20).map((l) => [[ago(l.at, status.now), "t"], [l.about, "t"],
    [l.times > 1 ? `${l.text} (${count(l.times)} times)` : l.text, l.level]]));
  fill("reloads", status.reloads.map((r) => [[ago(r.at, status.now), "t"], [r.trigger, "t"], [r.result, r.result], [r.revision, "t"],
    [[r.summary, ...r.problems].filter(Boolean).join("\n"), ""]]));
}

function showHead(status) {
  const total = status.pipelines.length, held = status.pipelines.filter((p) => !p.fine).length;
  $("summary").textContent = status.draining ? "Draining" :
    held > 0 ? `${held} of ${total} pipelines need${held === 1 ? "s" : ""} attention` :
    total === 0 ? "No pipelines" : total === 1 ? "The pipeline is fine" : `All ${total} pipelines are fine`;
  const refused = status.reloads.length > 0 && status.reloads[0].result === "refused";
  if (refused) $("summary").textContent += `; the latest configuration was refused ${ago(status.reloads[0].at, status.now)}`;
  $("summary").className = `summary ${held > 0 || refused || status.draining ? "warn" : ""}`;
  document.title = held > 0 ? `(${held}) Sluice` : refused ? "(!) Sluice" : "Sluice";
  $("facts").replaceChildren(...[["version", status.version], ["up", span(status.now - status.started)], ["configuration", status.revision]]
    .map(([name, value]) => el("div", "", el("dt", "", name), el("dd", "", value))));
}

function render(status) {
  showHead(status);
  const there = new Set(status.pipelines.map((p) => p.key));
  for (const [key, card] of cards) if (!there.has(key)) { card.root.remove(); cards.delete(key); }
  for (const pipeline of status.pipelines) {
    if (!cards.has(pipeline.key)) {
      cards.set(pipeline.key, makeCard(pipeline));
      $("pipelines").append(cards.get(pipeline.key).root);
    }
    show(cards.get(pipeline.key), pipeline, status.now);
  }
  showTables(status);
}

async function ask(what) {
  const response = await fetch(what, { cache: "no-store" });
  if (!response.ok) throw new Error(`${what} ${response.status}`);
  return response.json();
}

let answered = 0, remembered = -historyEvery;
async function poll() {
  try {
    if (performance.now() - remembered >= historyEvery) {
      pasts = (await ask("history")).pipelines;
      remembered = performance.now();
    }
    render(await ask("status"));
    answered = Date.now();
    document.body.dataset.polls = String(Number(document.body.dataset.polls || 0) + 1);
    $("away").hidden = true;
    document.body.classList.remove("stale");
  } catch (error) {
    $("away").textContent = "The daemon does not answer" + (answered ? ` for ${span((Date.now() - answered) / 1000)}; what is below is old` : "") + ".";
    $("away").hidden = false;
    document.body.classList.add("stale");
  }
  setTimeout(poll, every);
}
poll();
