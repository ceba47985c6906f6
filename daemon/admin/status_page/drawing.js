// Everything that comes from the daemon becomes text, never markup: records are anybody's.
const $ = (id) => document.getElementById(id);
const most = 361;  // points of a chart: what the daemon keeps, and now

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
// What did not change is left alone: screen readers speak what does, and selections stay.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
function withUnit(element, value, unit) {
  if (element.textContent !== `${value} ${unit}`) element.replaceChildren(value, " ", el("small", "", unit));
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const count = (n) => whole.format(n);
const counted = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;
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

function chart(name, kind) {
  const area = svg("path", { class: "area" }), curve = svg("path", { class: "curve" });
  const top = el("span");
  const drawing = svg("svg", { viewBox: "0 0 300 46", preserveAspectRatio: "none", role: "img", "aria-label": name }, area, curve);
  const figure = el("figure", `chart ${kind}`, el("figcaption", "", el("span", "", name), top), drawing);
  return { figure, draw(values, text) {
    const highest = Math.max(...values, 1e-9);
    const step = 300 / (most - 1), left = 300 - step * (values.length - 1);
    const points = values.map((v, i) => `${(left + i * step).toFixed(1)},${(44 - 41 * (v / highest)).toFixed(1)}`);
    curve.setAttribute("d", `M${points.join("L")}`);
    area.setAttribute("d", `M${left.toFixed(1)},46L${points.join("L")}L300,46Z`);
    const max = highest > 1e-9 ? `max ${text(highest)}` : "";
    say(top, max);
    drawing.setAttribute("aria-label", `${name}, last ${shownSpan()}: now ${text(values[values.length - 1])}${max && `, ${max}`}`);
  } };
}
const shownSpan = () => document.querySelector("input[name=span]:checked").value;

// A table whose columns are [heading, class]; it can be scrolled by the keyboard, too.
function table(name, columns) {
  const head = el("tr"), body = el("tbody");
  for (const [heading, kind] of columns) {
    const cell = el("th", kind, heading);
    cell.scope = "col";
    head.append(cell);
  }
  const root = el("div", "scroll", el("table", "", el("thead", "", head), body));
  root.tabIndex = 0;
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", name);
  let shown = "";
  return { root, fill(rows) {
    root.hidden = rows.length === 0;
    const next = JSON.stringify(rows);
    if (next === shown) return;
    shown = next;
    body.replaceChildren(...rows.map((cells) => {
      const row = el("tr");
      cells.forEach((cell, i) => {
        const [text, kind] = Array.isArray(cell) ? cell : [cell, columns[i][1]];
        row.append(el("td", kind, String(text)));
      });
      return row;
    }));
  } };
}
function section(heading, content) {
  const title = el("h3", "", heading);
  return el("section", "", title, ...content);
}
