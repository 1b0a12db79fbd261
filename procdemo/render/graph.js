"use strict";
// The wait-for graphs of the run, as boxes and arrows: a box for each thread, an arrow to each thread that it
// waits for. Those of a circle are red, and stand in a ring; a thread that waits for one of them stands to the
// left. Below: the source, with the lines in which threads wait. All text of the run is set as textContent.

const BOX = [330, 138]; // pixels
const SPACE = [120, 44]; // between two columns, and between two boxes of a column
const FIT = 43; // characters in a row of a box
const RED = "#cc0000";
const PARTS = Array.from({ length: 19 }, (_, place) => (place + 1) / 20); // of a curve, to look at

function made(name, attributes, parent, words) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (words !== undefined) node.textContent = words;
  parent?.append(node);
  return node;
}

function cut(words, most) {
  return words.length > most ? `${words.slice(0, most - 1)}…` : words;
}

function wrapped(words, most, rows) {
  const lines = [""];
  for (const word of words.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length <= most || !lines.at(-1)) lines.splice(-1, 1, longer);
    else lines.push(word);
  }
  const shown = lines.slice(0, rows);
  if (lines.length > rows) shown[rows - 1] = cut(`${shown[rows - 1]} …`, most);
  return shown.map((line) => cut(line, most));
}

// --- where the boxes stand: the middle of each

// A ring of boxes that do not touch, the first one leftmost; two stand side by side.
function ring(count) {
  if (count < 3) return Array.from({ length: count }, (_, place) => [place * (BOX[0] + SPACE[0]), 0]);
  const apart = ([x1, y1], [x2, y2]) => Math.abs(x1 - x2) >= BOX[0] + 90 || Math.abs(y1 - y2) >= BOX[1] + 60;
  for (let radius = 100; ; radius += 10) {
    const angles = Array.from({ length: count }, (_, place) => 2 * Math.PI * (place / count) + Math.PI);
    const places = angles.map((angle) => [1.6 * radius * Math.cos(angle), radius * Math.sin(angle)]);
    if (places.every((one, place) => apart(one, places[(place + 1) % count]))) return places;
  }
}

// How many arrows it is from each box to the circle, or to a box that waits for no other.
function depths({ boxes, circle, arrows }) {
  const found = boxes.map((_, box) => (circle.includes(box) || !arrows.some(([from]) => from === box) ? 0 : null));
  const wanted = (box) => arrows.filter(([, to]) => to === box).length;
  while (found.includes(null)) {
    const next = arrows.find(([from, to]) => found[from] === null && found[to] !== null);
    if (next) found[next[0]] = found[next[1]] + 1;
    else { // another circle: it begins where most arrows lead
      const rest = boxes.map((_, box) => box).filter((box) => found[box] === null);
      found[rest.reduce((best, box) => (wanted(box) > wanted(best) ? box : best))] = 0;
    }
  }
  return found;
}

function layout(graph) {
  const { boxes, circle, arrows } = graph;
  const places = [];
  const inRing = ring(circle.length);
  const first = circle.findIndex((box) => arrows.some(([from, to]) => to === box && !circle.includes(from)));
  const turn = circle.length - Math.max(first, 0);
  circle.forEach((box, place) => { places[box] = inRing[(place + turn) % circle.length]; });
  const left = Math.min(0, ...inRing.map(([x]) => x));
  const right = Math.max(0, ...inRing.map(([x]) => x));
  const depth = depths(graph);
  const columns = new Map();
  const alone = [];
  boxes.forEach((_, box) => {
    if (circle.includes(box)) return;
    if (!arrows.some(([from, to]) => from === box || to === box)) return alone.push(box);
    const column = circle.length && depth[box] === 0 ? -1 : depth[box];
    columns.set(column, [...(columns.get(column) ?? []), box]);
  });
  for (const [column, members] of columns) {
    const step = BOX[0] + SPACE[0];
    const x = column < 0 ? right + step : left - step * column;
    const down = BOX[1] + (members.length > 6 ? 16 : SPACE[1]);
    members.forEach((box, place) => { places[box] = [x, (place - (members.length - 1) / 2) * down]; });
  }
  const placed = places.filter(Boolean);
  const edge = Math.min(0, ...placed.map(([x]) => x));
  const inRow = Math.max(3, Math.floor((Math.max(0, ...placed.map(([x]) => x)) - edge) / (BOX[0] + 30)) + 1);
  const below = placed.length ? Math.max(...placed.map(([, y]) => y)) + BOX[1] + SPACE[1] : 0;
  alone.forEach((box, place) => {
    places[box] = [edge + (place % inRow) * (BOX[0] + 30), below + Math.floor(place / inRow) * (BOX[1] + 30)];
  });
  return places;
}

// --- the drawing

// The point where the line from the middle of a box to another point leaves the box.
function leaves([x, y], [toX, toY], space) {
  const [dx, dy] = [toX - x, toY - y];
  const part = Math.min((BOX[0] / 2 + space) / Math.abs(dx || 1e-9), (BOX[1] / 2 + space) / Math.abs(dy || 1e-9), 1);
  return [x + dx * part, y + dy * part];
}

// Where an arrow goes: a curve from one box to another, bent so far that it crosses no third box.
function course(graph, places, from, to) {
  const [start, end] = [places[from], places[to]];
  if (from === to) {
    const edge = start[0] + BOX[0] / 2;
    return { begin: [edge, start[1] - 30], by: [[start[0] + BOX[0], start[1]]], tip: [edge, start[1] + 30] };
  }
  const [dx, dy] = [end[0] - start[0], end[1] - start[1]];
  const length = Math.hypot(dx, dy);
  const bent = (by) => [(start[0] + end[0]) / 2 + by * dy / length, (start[1] + end[1]) / 2 - by * dx / length];
  const others = places.filter((_, box) => box !== from && box !== to);
  const free = ([x, y]) => PARTS.every((part) => {
    const at = [0, 1].map((i) => (1 - part) ** 2 * start[i] + 2 * part * (1 - part) * [x, y][i] + part ** 2 * end[i]);
    return others.every((box) => [0, 1].some((i) => Math.abs(at[i] - box[i]) > BOX[i] / 2 + 6));
  });
  const back = graph.arrows.some(([other, target]) => other === to && target === from);
  const bends = [...(back ? [46] : [0]), 200, -200, 300, -300, 450, -450].map(bent);
  if (!free(bends[0]) && Math.abs(dx - BOX[0] - SPACE[0]) < 1) { // between two columns: up or down in the gap
    const [x1, x2] = [start[0] + BOX[0] / 2, end[0] - BOX[0] / 2 - 2];
    const by = [[x1 + SPACE[0] * 0.8, start[1]], [x2 - SPACE[0] * 0.8, end[1]]];
    return { begin: [x1, start[1]], by, tip: [x2, end[1]] };
  }
  const bend = bends.find(free) ?? bends[0];
  return { begin: leaves(start, bend, 0), by: [bend], tip: leaves(end, bend, 2) };
}

function drawArrow(svg, graph, { begin, by, tip }, [from, to, red, label]) {
  const bend = by.at(-1);
  const angle = Math.atan2(tip[1] - bend[1], tip[0] - bend[0]);
  const foot = (turn) => [tip[0] - 16 * Math.cos(angle + turn), tip[1] - 16 * Math.sin(angle + turn)];
  const colour = red ? RED : DARK;
  const group = made("g", {
    class: red ? "arrow circle" : "arrow", "data-from": graph.boxes[from].tid, "data-to": graph.boxes[to].tid,
  }, svg);
  const d = `M${begin} ${by.length > 1 ? "C" : "Q"}${by.join(" ")} ${tip}`;
  made("path", { d, fill: "none", stroke: colour, "stroke-width": red ? 3 : 1.5 }, group);
  made("polygon", { points: [tip, foot(0.4), foot(-0.4)].join(" "), fill: colour }, group);
  if (label) {
    const [x, middle] = [0, 1].map((i) => (begin[i] + by[0][i] + bend[i] + tip[i]) / 4);
    const y = middle + (begin[0] > tip[0] ? 22 : -10);
    made("text", { x, y, "text-anchor": "middle", fill: colour, class: "label" }, group, label);
  }
}

function drawBox(svg, box, [x, y], red) {
  const [left, top] = [x - BOX[0] / 2, y - BOX[1] / 2];
  const group = made("g", { class: red ? "box circle" : "box", "data-pid": box.pid, "data-tid": box.tid }, svg);
  const numbers = box.tid === box.pid ? `PID ${box.pid}` : `PID ${box.pid}, thread ${box.tid}`;
  const said = [`${box.title} (${numbers})`, box.state, box.at, box.source, box.waits];
  made("title", {}, group, said.filter(Boolean).join("\n"));
  const stroke = red ? RED : DARK;
  const shape = { x: left, y: top, width: BOX[0], height: BOX[1], rx: 6 };
  made("rect", { ...shape, fill: "#ffffff", stroke, "stroke-width": red ? 3 : 1.5 }, group);
  const colour = run.looks[box.state]?.[0] ?? PALE;
  made("rect", { x: left + 4, y: top + 5, width: 8, height: BOX[1] - 10, fill: colour }, group);
  const rows = [
    ["name", cut(box.title, 36)], ["", cut(`${numbers}: ${box.state}`, FIT)], ["", cut(box.at, FIT)],
    ["code", cut(box.source, FIT - 7)], ...wrapped(box.waits, FIT, 2).map((words) => ["", words]),
  ];
  rows.forEach(([kind, words], row) => {
    made("text", { x: left + 20, y: top + 23 + row * 21, class: kind }, group, words);
  });
}

function drawGraph(graph) {
  const places = layout(graph);
  const courses = graph.arrows.map(([from, to]) => course(graph, places, from, to));
  const reach = [0, 1].map((i) => [
    ...places.flatMap((place) => [place[i] - BOX[i] / 2, place[i] + BOX[i] / 2]),
    ...courses.flatMap(({ by }) => by.map((at) => at[i])),
  ]);
  const [left, top] = [Math.min(...reach[0]) - 8, Math.min(...reach[1]) - 30];
  const [width, height] = [Math.max(...reach[0]) + 8 - left, Math.max(...reach[1]) + 30 - top];
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const what = graph.circle.length ? "the circle is red" : "no circle";
  caption.textContent = `${graph.name ? `${graph.name}: ` : ""}which thread waits for which; ${what}`;
  if (graph.more) caption.textContent += `; and ${graph.more} more threads`;
  figure.append(caption);
  const svg = made("svg", { viewBox: [left, top, width, height].join(" "), width, role: "img" }, figure);
  svg.setAttribute("aria-label", caption.textContent);
  graph.arrows.forEach((arrow, place) => drawArrow(svg, graph, courses[place], arrow));
  graph.boxes.forEach((box, place) => drawBox(svg, box, places[place], graph.circle.includes(place)));
  return figure;
}

element("graphs").append(...run.graphs.map(drawGraph));

// --- the source

function drawSource({ name, lines }) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = name;
  const code = document.createElement("pre");
  for (const [number, words, waiting, red] of lines) {
    const line = document.createElement("div");
    line.textContent = `${number ? String(number).padStart(4) : "    "}  ${words}`;
    if (waiting.length) {
      line.className = red ? "waits circle" : "waits";
      const who = document.createElement("span");
      who.textContent = `  ← ${waiting.join("; ")}`;
      line.append(who);
    }
    code.append(line);
  }
  figure.append(caption, code);
  return figure;
}

element("sources").append(...run.sources.map(drawSource));
