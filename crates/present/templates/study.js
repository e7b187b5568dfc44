"use strict";
// What the still pictures cannot: values under the pointer, lines that go and come, a closer look at a stretch of time.
(() => {
const SVG = "http://www.w3.org/2000/svg", DAY = 864e5;
const make = (name, attributes) => { const e = document.createElementNS(SVG, name); for (const a in attributes) e.setAttribute(a, attributes[a]); return e; };

// RFC 4180, as in the link that offers it.
function parse(text) {
  const rows = []; let row = [], cell = "", quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) { if (c !== '"') cell += c; else if (text[i + 1] === '"') { cell += c; i++; } else quoted = false; }
    else if (c === '"') quoted = true;
    else if (c === ",") { row.push(cell); cell = ""; }
    else if (c === "\n") { row.push(cell); rows.push(row); row = []; cell = ""; }
    else cell += c;
  }
  return rows;
}
const address = link => link.getAttribute("href");
const text = link => decodeURIComponent(address(link).slice(address(link).indexOf(",") + 1));

// The lines of a plot: for each x, y, what it is a share of, and the count below.
const known = new Map();
function lines(svg, plot) {
  const figure = svg.closest("figure"), link = document.getElementById(figure.dataset.table || "");
  if (!link) return null;
  if (known.has(svg)) return known.get(svg);
  const [head, ...rows] = parse(text(link)), at = name => head.indexOf(name);
  const index = new Map(plot.lines.map(([word, column], i) => [word + "\n" + column, i]));
  const out = plot.lines.map(() => []), x = at(plot.x[0]), by = plot.by ? at(plot.by) : -1, below = plot.below ? at(plot.below[0]) : -1;
  for (const row of rows) {
    const px = plot.time ? Date.parse(row[x]) / 1000 : row[x] === "" ? NaN : +row[x];
    if (!isFinite(px)) continue;
    for (const column of new Set(plot.lines.map(l => l[1]))) {
      const line = index.get((by < 0 ? "" : row[by]) + "\n" + column), c = at(column), o = at(column + "_of");
      if (line === undefined) continue;
      let y = row[c] === "" ? NaN : +row[c]; const of = o < 0 ? NaN : +row[o];
      if (plot.percent && o >= 0) y = of > 0 ? 100 * y / of : NaN;
      out[line].push({ x: px, y, n: row[c], of, below: below < 0 || row[below] === "" ? NaN : +row[below] });
    }
  }
  out.forEach(points => points.sort((a, b) => a.x - b.x));
  known.set(svg, out);
  return out;
}

const fraction = (v, low, high, kind) => { const f = kind === "log" ? (v < low ? 0 : Math.log(v / low) / Math.log(high / low)) : (v - low) / (high - low); return Math.min(1, Math.max(0, f)); };
const toX = (plot, v) => plot.box[0] + fraction(v, plot.x[1], plot.x[2], plot.x[3]) * (plot.box[2] - plot.box[0]);
const toY = (plot, v) => plot.box[3] - fraction(v, plot.y[0], plot.y[1], plot.y[2]) * (plot.box[3] - plot.box[1]);
const number = v => v.toLocaleString("en-US", { maximumFractionDigits: 3 });
const moment = s => new Date(s * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";
const value = (plot, p) => isNaN(p.y) ? "no value" : plot.percent ? p.y.toFixed(Math.abs(p.y) < 0.1 && p.y ? 3 : 1) + "%" + (isNaN(p.of) ? "" : " (" + number(+p.n) + " of " + number(p.of) + ")") : number(p.y);

function nearest(points, x, steps) {
  let low = 0, high = points.length;
  while (low < high) { const middle = (low + high) >> 1; if (points[middle].x <= x) low = middle + 1; else high = middle; }
  if (steps) return points[low - 1];
  const a = points[low - 1], b = points[low];
  return !a ? b : !b ? a : x - a.x <= b.x - x ? a : b;
}

// Paths as the still picture has them: broken at gaps, with the extremes of each unit of width.
function thin(piece) {
  const out = [];
  for (let i = 0; i < piece.length;) {
    let end = i, low = i, high = i;
    for (; end < piece.length && Math.floor(piece[end][0]) === Math.floor(piece[i][0]); end++) {
      if (piece[end][1] < piece[low][1]) low = end;
      if (piece[end][1] >= piece[high][1]) high = end;
    }
    for (const place of [...new Set([i, low, high, end - 1])].sort((a, b) => a - b)) out.push(piece[place]);
    i = end;
  }
  return out;
}
function path(plot, points, y) {
  const pieces = []; let last = null;
  for (const p of points) {
    const py = y(p);
    if (p.x < plot.x[1] || p.x > plot.x[2]) continue;
    if (isNaN(py)) { last = null; continue; }
    if (last === null || plot.gap && p.x - last > plot.gap) pieces.push([]);
    pieces[pieces.length - 1].push([toX(plot, p.x), py]); last = p.x;
  }
  const drawn = piece => piece.map((p, i) => (i ? "L" : "M") + p[0].toFixed(1) + " " + p[1].toFixed(1)).join("") + (piece.length === 1 ? "h.01" : "");
  return pieces.map(piece => drawn(piece.length > 8 ? thin(piece) : piece)).join("");
}
function stacks(plot, all, index) {
  const feet = new Map(); let d = "", least = plot.box[2] - plot.box[0];
  all.slice(0, index).forEach(points => points.forEach(p => feet.set(p.x, (feet.get(p.x) || 0) + (p.y || 0))));
  const points = all[index].filter(p => p.x >= plot.x[1] && p.x <= plot.x[2]);
  points.forEach((p, i) => { if (i && p.x > points[i - 1].x) least = Math.min(least, toX(plot, p.x) - toX(plot, points[i - 1].x)); });
  const wide = Math.min(40, Math.max(1, least * (points.length > 60 ? 1.02 : .85)));
  for (const p of points) {
    const foot = feet.get(p.x) || 0, low = toY(plot, foot), high = toY(plot, foot + (p.y || 0));
    const x = Math.min(plot.box[2] - wide, Math.max(plot.box[0], toX(plot, p.x) - wide / 2));
    if (low > high) d += "M" + x.toFixed(1) + " " + low.toFixed(1) + "V" + high.toFixed(1) + "h" + wide.toFixed(1) + "V" + low.toFixed(1) + "z";
  }
  return d;
}

function redraw(svg, plot, all) {
  plot.lines.forEach((_, i) => {
    const [main, small] = svg.querySelectorAll('g.s[data-s="' + i + '"] path');
    main.setAttribute("d", plot.stacked ? stacks(plot, all, i) : path(plot, all[i], p => isNaN(p.y) ? NaN : toY(plot, p.y)));
    if (small && plot.below) {
      const [, top, bottom, low, high] = plot.below;
      small.setAttribute("d", path(plot, all[i], p => isNaN(p.below) ? NaN : bottom - fraction(p.below, low, high) * (bottom - top)));
    }
  });
  const axis = svg.querySelector("g.xa"), foot = plot.below ? plot.below[2] : plot.box[3], narrow = svg.classList.contains("narrow");
  const span = (plot.x[2] - plot.x[1]) * 1000, steps = [6e4, 3e5, 9e5, 36e5, 108e5, 216e5, 432e5, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 91 * DAY, 182 * DAY, 365 * DAY];
  const step = steps.find(s => s >= span / (narrow ? 2 : 7)) || 730 * DAY;
  axis.replaceChildren();
  for (let t = Math.ceil(plot.x[1] * 1000 / step) * step; t <= plot.x[2] * 1000; t += step) {
    const x = toX(plot, t / 1000), iso = new Date(t).toISOString(), label = step < DAY ? iso.slice(5, 16).replace("T", " ") : iso.slice(0, 10);
    axis.append(make("path", { class: "a", d: "M" + x.toFixed(1) + " " + foot + "v4" }));
    const name = make("text", { class: "t m", x: Math.min(svg.viewBox.baseVal.width - 36, Math.max(36, x)).toFixed(1), y: foot + 18 });
    name.textContent = label; axis.append(name);
  }
}

function interactive(svg) {
  const title = svg.querySelector("title");
  // What a screen reader says stays; a tip of the browser over the whole picture goes.
  svg.setAttribute("aria-label", title.textContent); svg.removeAttribute("aria-labelledby"); svg.setAttribute("aria-describedby", svg.querySelector("desc").id); title.remove();
  const hidden = new Set();
  svg.querySelectorAll("g.key").forEach(key => {
    key.setAttribute("tabindex", "0"); key.setAttribute("role", "button"); key.setAttribute("aria-pressed", "true");
    const toggle = () => {
      const s = key.dataset.s, off = !hidden.delete(s);
      if (off) hidden.add(s);
      key.setAttribute("aria-pressed", String(!off));
      svg.querySelectorAll('[data-s="' + s + '"]').forEach(e => e.classList.toggle("off", off));
    };
    key.addEventListener("click", toggle);
    key.addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); toggle(); } });
  });
  if (!svg.dataset.plot) return;
  const plot = JSON.parse(svg.dataset.plot), whole = plot.x.slice(), figure = svg.closest("figure");
  let tip = null, cursor = null, begin = null, area = null;
  const at = e => { const r = svg.getBoundingClientRect(); return { x: (e.clientX - r.left) / r.width * svg.viewBox.baseVal.width, y: (e.clientY - r.top) / r.height * svg.viewBox.baseVal.height }; };
  const back = x => { const f = Math.min(1, Math.max(0, (x - plot.box[0]) / (plot.box[2] - plot.box[0]))); return plot.x[3] === "log" ? plot.x[1] * Math.pow(plot.x[2] / plot.x[1], f) : plot.x[1] + f * (plot.x[2] - plot.x[1]); };
  const leave = () => { if (tip) tip.remove(); if (cursor) cursor.remove(); tip = cursor = null; };
  const foot = plot.below ? plot.below[2] : plot.box[3];
  function show(e) {
    const p = at(e), all = lines(svg, plot);
    if (!all || p.x < plot.box[0] - 4 || p.x > plot.box[2] + 4 || p.y < plot.box[1] - 4 || p.y > foot + 24) return leave();
    const x = back(p.x), found = all.map((points, i) => hidden.has(String(i)) ? null : nearest(points, x, plot.steps));
    const near = found.filter(f => f && Math.abs(toX(plot, f.x) - p.x) < 40);
    const place = plot.steps ? x : near.length ? near.reduce((a, b) => Math.abs(a.x - x) <= Math.abs(b.x - x) ? a : b).x : null;
    if (place === null) return leave();
    if (!tip) { tip = document.createElement("div"); tip.className = "tip"; figure.append(tip); cursor = make("path", { class: "cursor" }); svg.append(cursor); }
    cursor.setAttribute("d", "M" + toX(plot, place).toFixed(1) + " " + plot.box[1] + "V" + foot);
    const title = document.createElement("b"); title.textContent = plot.time ? moment(place) : plot.x[0].replaceAll("_", " ") + " " + number(place);
    tip.replaceChildren(title);
    found.forEach((f, i) => {
      if (!f || (!plot.steps && f.x !== place)) return;
      const row = document.createElement("span"), mark = document.createElement("i");
      mark.style.background = "var(--c" + i % 8 + ")";
      row.append(mark, (plot.lines.length > 1 ? plot.lines[i][2] + ": " : "") + value(plot, f) + (isNaN(f.below) ? "" : ", " + plot.below[0].replaceAll("_", " ") + " " + number(f.below)));
      tip.append(row);
    });
    const r = figure.getBoundingClientRect(), left = e.clientX - r.left;
    tip.style.left = Math.max(0, Math.min(left + 14, r.width - tip.offsetWidth)) + "px";
    tip.style.top = Math.max(0, e.clientY - r.top + (left + 14 > r.width - tip.offsetWidth ? 24 : 12)) + "px";
  }
  svg.addEventListener("pointermove", e => {
    if (begin !== null) {
      const now = Math.min(plot.box[2], Math.max(plot.box[0], at(e).x));
      if (!area) { area = make("rect", { class: "drag", y: plot.box[1], height: foot - plot.box[1] }); svg.append(area); }
      area.setAttribute("x", Math.min(begin, now)); area.setAttribute("width", Math.abs(now - begin));
    }
    show(e);
  });
  svg.addEventListener("pointerleave", leave);
  if (!plot.time) return;
  svg.addEventListener("pointerdown", e => { const p = at(e); if (e.pointerType === "mouse" && e.button === 0 && p.x >= plot.box[0] && p.x <= plot.box[2] && p.y >= plot.box[1] && p.y <= foot) { begin = p.x; if (e.isTrusted) svg.setPointerCapture(e.pointerId); e.preventDefault(); } });
  svg.addEventListener("pointerup", e => {
    if (begin === null) return;
    const now = Math.min(plot.box[2], Math.max(plot.box[0], at(e).x)), all = lines(svg, plot), [a, b] = [Math.min(begin, now), Math.max(begin, now)];
    begin = null; if (area) area.remove(); area = null;
    if (!all || b - a < 8) return;
    [plot.x[1], plot.x[2]] = [back(a), back(b)];
    redraw(svg, plot, all);
  });
  svg.addEventListener("dblclick", () => { const all = lines(svg, plot); if (!all || plot.x[1] === whole[1] && plot.x[2] === whole[2]) return; plot.x = whole.slice(); redraw(svg, plot, all); });
}

document.querySelectorAll("svg.chart").forEach(interactive);
// Browsers refuse to keep what a very long address holds.
document.querySelectorAll("a.csv").forEach(link => link.addEventListener("click", e => {
  if (address(link).length < 1e6) return;
  e.preventDefault();
  const url = URL.createObjectURL(new Blob([text(link)], { type: "text/csv" })), other = document.createElement("a");
  other.href = url; other.download = link.download; other.click(); setTimeout(() => URL.revokeObjectURL(url), 60000);
}));
})();
