"use strict";
// Draws the run in #run: lanes above, counters below, one zoom for both. All text of the run is data:
// it is set as textContent, or drawn on a canvas, never parsed as markup.
// Times are milliseconds. Each lane is drawn again after each zoom, and only the part of it that is in view.
// Strokes thinner than a pixel are drawn as one, so that ten thousand cost no more than a hundred.
const run = JSON.parse(document.getElementById("run").textContent);
const element = (id) => document.getElementById(id);

// --- colours and sizes: the states differ in lightness and in pattern, not only in hue

let ROW, LEFT, RIGHT, TOP, COUNTER, GAP;
let SIZE, SMALL; // of text: beside the lanes, within a bar

// Choose the sizes of the chart; `big` is for the back row of a class.
function measure(big) {
  [SIZE, SMALL] = big ? [28, 22] : [15, 12];
  [LEFT, RIGHT, TOP] = big ? [Math.min(290, innerWidth / 4), 60, 50] : [210, 40, 36];
  [COUNTER, GAP] = big ? [120, 90] : [100, 60];
  const [all, least, most] = big ? [innerHeight * 0.42, 36, 96] : [480, 18, 72];
  ROW = Math.min(Math.max(Math.floor(all / run.lanes.length), least), most);
}
measure(false);
const PAPER = 960; // width in print: A4 or Letter, landscape
const MOST_ARROWS = 200; // in view; more would hide the lanes
const DARK = "#1a2433";
const PALE = "#767676"; // a process that multiprocessing needs for itself
const MANY = "#66728a"; // strokes too thin to be told apart
const MARK = "#b0005e";
const COUNT = "#0077bb";

// A tile to fill a bar with: strokes or dots of a colour on a light tint of it.
function tile(colour, pattern) {
  const paper = `#${colour.match(/[0-9a-f]{2}/g).map((part) => Math.round(255 - (255 - parseInt(part, 16)) * 0.22).toString(16).padStart(2, "0")).join("")}`;
  const image = document.createElement("canvas");
  image.width = image.height = 8;
  const pen = image.getContext("2d");
  pen.fillStyle = paper;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 1.5;
  for (const [x1, y1, x2, y2] of STROKES[pattern]) {
    pen.moveTo(x1, y1);
    pen.lineTo(x2, y2);
  }
  pen.stroke();
  return { image, repeat: "repeat", paper };
}

const RISING = [[-4, 4, 4, -4], [0, 8, 8, 0], [4, 12, 12, 4]];
const FALLING = [[-4, 4, 4, 12], [0, 0, 8, 8], [4, -4, 12, 4]];
const STROKES = {
  hatched: RISING, waved: FALLING, crossed: [...RISING, ...FALLING], barred: [[2, 0, 2, 8], [6, 0, 6, 8]],
  line: [[0, 4, 8, 4]], lines: [[0, 2, 8, 2], [0, 6, 8, 6]], dotted: [[3, 4, 5, 4]],
};
const THIN = 2; // pixels: after the end of a process
const STATES = Object.keys(run.looks);
const colourOf = (name) => run.looks[name][0];
const patternOf = (name) => run.looks[name][1];
const meaningOf = (name) => run.looks[name][2];
const STATE_FILLS = Object.fromEntries(Object.entries(run.looks).map(([name, [colour, pattern]]) =>
  [name, pattern in STROKES ? tile(colour, pattern) : pattern === "outlined" ? "#ffffff" : colour]));
const text = (x, y, what, fill) => ({
  type: "text", silent: true, style: { x, y, text: what, fill, fontSize: SMALL, verticalAlign: "middle" },
});
const rect = (x, y, width, height, fill, info) => ({ type: "rect", shape: { x, y, width, height }, style: { fill }, info });
const polygon = (points, fill, info) => ({ type: "polygon", shape: { points }, style: { fill, stroke: "#fff", lineWidth: 1 }, info });

function state(number, x, width, top, height, info) {
  const name = STATES[number];
  if (patternOf(name) === "thin") return rect(x, top + (height - THIN) / 2, width, THIN, colourOf(name), info);
  const bar = rect(x, top, width, height, STATE_FILLS[name], info);
  if (patternOf(name) === "outlined") Object.assign(bar.style, { stroke: colourOf(name), lineWidth: 2 });
  return bar;
}

const triangle = (x, top, info) => polygon([[x - 5, top - 6], [x + 5, top - 6], [x, top + 5]], MARK, info);

function arrow(x1, y1, x2, y2, info) {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const end = (turn) => [x2 - 13 * Math.cos(angle + turn), y2 - 13 * Math.sin(angle + turn)];
  const line = { type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: DARK, lineWidth: 1.2, opacity: 0.7 }, info };
  return [line, polygon([[x2, y2], end(0.35), end(-0.35)], DARK, info)];
}

// --- texts

const SENT = "sent by one, received by another";
const duration = (ms) => `${ms.toLocaleString("en", { maximumFractionDigits: ms < 10 ? 3 : 1 })} ms`;
const axisTime = (ms) => (run.ms < 5000 ? `${+ms.toFixed(4)} ms` : `${+(ms / 1000).toFixed(4)} s`);
const short = (value) => (typeof value === "number" && !Number.isInteger(value) ? +value.toPrecision(4) : value);
const roleAndPid = (lane) => `${lane.role} (PID ${lane.pid}${lane.tid ? `, thread ${lane.tid}` : ""})`;
const named = (shape) => run.shapes[shape][0];
const facts = (shape, values) => values.map((value, place) => `${run.shapes[shape][place + 1]}: ${short(value)}`);
const more = (count) => (count > 1 ? [`and ${count - 1} more here: zoom in`] : []);

// What the demo says of the action in which a lane is at a time: why it computes, or waits.
function reasonsAt(lane, ms) {
  const inside = lane.bars.filter(([begin, end]) => begin <= ms && ms < end);
  return inside.slice(-1).map(([, , shape, ...values]) => {
    const [name, ...keys] = run.shapes[shape];
    const words = run.reasons[name];
    if (!words) return [name, ...facts(shape, values)].join(", ");
    return words.replace(/\{(\w+)[^}]*\}/g, (_, key) => short(values[keys.indexOf(key)]) ?? "-");
  });
}

function stateTip(lane, ms) {
  let place = lane.changes.length - 1;
  while (place > 0 && lane.changes[place][0] > ms) place -= 1;
  const [since, what] = lane.changes[place];
  const until = lane.changes[place + 1]?.[0] ?? run.ms;
  return [roleAndPid(lane), meaningOf(STATES[what]), ...reasonsAt(lane, ms), `for ${duration(until - since)}, from ${duration(since)}`];
}
const barTip = (lane, [begin, end, shape, ...values], count) =>
  [roleAndPid(lane), `${named(shape)}: ${duration(end - begin)}, from ${duration(begin)}`, ...facts(shape, values), ...more(count)];
const markTip = (lane, [at, shape, ...values], count) =>
  [roleAndPid(lane), `${named(shape)}, at ${duration(at)}`, ...facts(shape, values), ...more(count)];
const arrowTip = ([from, begin, to, end, shape, ...values]) =>
  [named(shape), `${run.lanes[from].role} to ${run.lanes[to].role}: ${duration(end - begin)} on its way`, ...facts(shape, values)];
const counterTip = (counter, ms) => {
  const value = counter.values.findLast(([at]) => at <= ms)?.[1];
  return [counter.name, `${value ?? "-"} at ${duration(ms)}`];
};

// --- lanes

for (const lane of run.lanes) { // a bar within a bar is drawn on a level below it
  const ends = [];
  lane.barLevels = lane.bars.map(([begin, end]) => {
    const free = ends.findIndex((last) => last <= begin);
    const level = free < 0 ? ends.length : free;
    ends[level] = end;
    return level;
  });
  lane.levels = Math.max(ends.length, 1);
}

// The edges of the chart in pixels, and the function from a time to a pixel at the present zoom.
function view(params, api) {
  const { x: left, width } = params.coordSys;
  const [from] = api.coord([0, 0]);
  const scale = (api.coord([run.ms || 1, 0])[0] - from) / (run.ms || 1);
  return { left, right: left + width, x: (ms) => from + ms * scale };
}

// The state that a lane is in longest in each pixel, as [state, first pixel, last pixel + 1].
function stretches(lane, { left, right, x }) {
  const width = Math.ceil(right - left);
  const shares = new Float32Array(width * STATES.length);
  lane.changes.forEach(([since, what], place) => {
    const begin = Math.max(x(since) - left, 0);
    const end = Math.min(x(lane.changes[place + 1]?.[0] ?? run.ms) - left, width);
    for (let pixel = Math.floor(begin); pixel < end; pixel += 1) {
      shares[pixel * STATES.length + what] += Math.min(end, pixel + 1) - Math.max(begin, pixel);
    }
  });
  const found = [];
  for (let pixel = 0; pixel < width; pixel += 1) {
    const here = shares.subarray(pixel * STATES.length, (pixel + 1) * STATES.length);
    const most = Math.max(...here);
    const what = most > 0 ? here.indexOf(most) : -1;
    if (found.at(-1)?.[0] === what) found.at(-1)[2] = pixel + 1;
    else found.push([what, pixel, pixel + 1]);
  }
  return found.filter(([what]) => what >= 0).map(([what, begin, end]) => [what, left + begin, left + end]);
}

// The strokes in view: [place, begin, end, count]. Those closer than `gap` pixels to the one before are only counted.
function seen(strokes, level, gap, { left, right, x }) {
  const last = [];
  const found = [];
  strokes.forEach((stroke, place) => {
    const [begin, end] = [x(stroke[0]), x(stroke[1])];
    if (end < left || begin > right) return;
    const before = last[level(place)];
    if (before && end - begin < gap && begin - before[1] < gap) {
      before[2] = Math.max(before[2], end);
      before[3] += 1;
    } else {
      found.push(last[level(place)] = [place, begin, end, 1]);
    }
  });
  return found;
}

function drawLane(params, api) {
  const lane = run.lanes[params.dataIndex];
  const here = view(params, api);
  const row = api.size([0, 1])[1];
  const top = api.coord([0, params.dataIndex])[1] - row / 2;
  const children = stretches(lane, here).map(([what, begin, end]) =>
    state(what, begin, end - begin, top + row * 0.1, row * 0.4, (ms) => stateTip(lane, ms)));
  if (lane.helper) for (const { style } of children) style.opacity = 0.4;
  const height = row * 0.4 / lane.levels;
  for (const [place, begin, end, count] of seen(lane.bars, (bar) => lane.barLevels[bar], 2, here)) {
    const x = Math.max(begin, here.left);
    const width = Math.max(Math.min(end, here.right) - x - (count > 1 ? 0 : 1), 1);
    const y = top + row * 0.52 + height * lane.barLevels[place];
    const name = named(lane.bars[place][2]);
    children.push(rect(x, y, width, Math.max(height - 1, 1), count > 1 ? MANY : DARK, () => barTip(lane, lane.bars[place], count)));
    if (count === 1 && height >= SMALL && width > name.length * SMALL * 0.6 + 10) children.push(text(x + 5, y + height / 2, name, "#fff"));
  }
  const marks = lane.marks.map(([at]) => [at, at]);
  for (const [place, x, , count] of seen(marks, () => 0, 4, here)) {
    children.push(triangle(x, top + row * 0.1, () => markTip(lane, lane.marks[place], count)));
  }
  return { type: "group", $mergeChildren: false, children };
}

function drawArrows(params, api) {
  const here = view(params, api);
  const y = (row) => api.coord([0, row])[1] - api.size([0, 1])[1] * 0.2;
  const shown = run.arrows.filter(([, begin, , end]) => here.x(end) >= here.left && here.x(begin) <= here.right);
  const many = shown.length > MOST_ARROWS;
  element("arrows").textContent = many ? `${shown.length.toLocaleString("en")} arrows: zoom in to see them` : SENT;
  const children = many ? [] : shown.flatMap((each) =>
    arrow(here.x(each[1]), y(each[0]), here.x(each[3]), y(each[2]), () => arrowTip(each)));
  return { type: "group", $mergeChildren: false, children };
}
