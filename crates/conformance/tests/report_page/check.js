// What a careful reader would look at, in every view; tells the page around it what is wrong, and what was seen.
addEventListener("load", () => {
  const seen = { charts: new Set(), texts: 0, shown: 0, zoomed: 0 }, say = (what, why) => wrong.push(what + ": " + why);
  const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  const channel = v => { v /= 255; return v <= .03928 ? v / 12.92 : Math.pow((v + .055) / 1.055, 2.4); };
  const luminance = css => { const [r, g, b] = css.match(/[\d.]+/g).map(Number); return .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b); };
  const contrast = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (c !== "rgba(0, 0, 0, 0)") return c; } return "rgb(255, 255, 255)"; };

  function look(svg) {
    const frame = svg.getBoundingClientRect();
    if (!frame.width) return;
    seen.charts.add(svg.id);
    const marks = [...svg.querySelectorAll("g.s path, g.s rect, :scope > rect")].filter(m => { const b = m.getBBox(); return b.width + b.height > .5; });
    if (!marks.length) say(svg.id, "nothing is drawn");
    if (frame.right > document.documentElement.clientWidth + 1) say(svg.id, "wider than the page");
    const texts = [...svg.querySelectorAll("text")].map(e => [e, e.getBoundingClientRect()]).filter(([, b]) => b.width);
    seen.texts += texts.length;
    const back = ground(svg);
    texts.forEach(([e, b], i) => {
      if (!inside(b, frame)) say(svg.id, "'" + e.textContent + "' leaves the picture");
      if (b.height < 9) say(svg.id, "'" + e.textContent + "' is too small to be read");
      if (contrast(getComputedStyle(e).fill, back) < 4.5) say(svg.id, "'" + e.textContent + "' is hardly seen");
      for (const [other, o] of texts.slice(i + 1)) {
        const wide = Math.min(b.right, o.right) - Math.max(b.left, o.left), high = Math.min(b.bottom, o.bottom) - Math.max(b.top, o.top);
        if (wide > 1 && high > .35 * Math.min(b.height, o.height)) say(svg.id, "'" + e.textContent + "' and '" + other.textContent + "' overlap");
      }
    });
    for (const line of svg.querySelectorAll("g.s path, g.s rect, :scope > rect")) {
      const style = getComputedStyle(line), colour = line.classList.contains("l") ? style.stroke : style.fill;
      if (contrast(colour, back) < 3) say(svg.id, "colour " + colour + " is hardly seen on " + back);
    }
  }

  const at = (svg, type, x, y) => svg.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, bubbles: true, pointerType: "mouse", button: 0 }));
  const numbers = d => (d.match(/-?[\d.]+/g) || []).map(Number);
  const same = (a, b) => { const [p, q] = [numbers(a), numbers(b)]; return p.length === q.length && p.every((n, i) => Math.abs(n - q[i]) < .15); };

  function use(svg) {
    const figure = svg.closest("figure"), frame = svg.getBoundingClientRect();
    if (!frame.width || !svg.dataset.plot) return;
    const key = svg.querySelector("g.key");
    if (key) {
      const group = svg.querySelector('g.s[data-s="' + key.dataset.s + '"]'), hidden = () => getComputedStyle(group).display === "none";
      key.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      if (!hidden()) say(svg.id, "the legend does not hide its line");
      key.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      if (hidden()) say(svg.id, "the legend does not bring its line back");
    }
    if (!figure.dataset.table) return;
    const plot = JSON.parse(svg.dataset.plot), scale = frame.width / svg.viewBox.baseVal.width;
    const x = f => frame.left + (plot.box[0] + f * (plot.box[2] - plot.box[0])) * scale, y = frame.top + (plot.box[1] + 20) * scale;
    at(svg, "pointermove", x(.7), y);
    const tip = figure.querySelector(".tip");
    if (!tip || tip.children.length < 2) say(svg.id, "no value under the pointer");
    else { seen.shown++; if (tip.getBoundingClientRect().right > document.documentElement.clientWidth + 1) say(svg.id, "the tip leaves the page"); }
    at(svg, "pointerleave", 0, 0);
    if (figure.querySelector(".tip")) say(svg.id, "the tip stays");
    if (!plot.time) return;
    const paths = () => [...svg.querySelectorAll("g.s path")].map(p => p.getAttribute("d"));
    const before = paths();
    at(svg, "pointerdown", x(.3), y); at(svg, "pointermove", x(.5), y); at(svg, "pointerup", x(.5), y);
    const close = paths();
    if (close.every((d, i) => d === before[i])) say(svg.id, "a drag looks no closer");
    if (!close.some(d => d.length > 10)) say(svg.id, "nothing is left of a closer look");
    look(svg);
    svg.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    // The script draws from the CSV what the program drew from its tables.
    paths().forEach((d, i) => { if (!same(d, before[i])) say(svg.id, "line " + i + " is another after a closer look and back"); });
    seen.zoomed++;
  }

  const whole = () => {
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth + 1) say("page", "is " + root.scrollWidth + " wide, " + root.clientWidth + " are there");
    for (const e of document.querySelectorAll("h1, h2, figcaption, p, summary, label, li")) {
      if (e.getBoundingClientRect().right > root.clientWidth + 1) say("page", "'" + e.textContent.slice(0, 40) + "' leaves it");
    }
    document.querySelectorAll("svg.chart").forEach(look);
    document.querySelectorAll("svg.chart").forEach(use);
  };
  whole();
  document.querySelectorAll("details").forEach(d => { d.open = true; });
  document.querySelectorAll("input.switch.ours").forEach(i => { i.checked = true; });
  whole();
  const wide = !matchMedia("(max-width:44rem)").matches;
  for (const svg of document.querySelectorAll("svg.chart." + (wide ? "wide" : "narrow"))) if (!seen.charts.has(svg.id)) say(svg.id, "is never seen");
  const found = { wrong, charts: seen.charts.size, texts: seen.texts, shown: seen.shown, zoomed: seen.zoomed, width: innerWidth, ground: luminance(ground(document.body)) };
  parent.postMessage(JSON.stringify(found), "*");
});
