"use strict";
// Draws the run in #run: lanes above, counters below, one zoom for both. All text of the run is data:
// it reaches the page by textContent, or as text on a canvas, never as markup.
const run = JSON.parse(document.getElementById("run").textContent);
const COLOURS = { runs: "#2b6cb0", starts: "#f6e05e", blocked: "#dd6b20", waits: "#cbd5e0", gone: "#ffffff" };
const DARK = "#1a202c";
const ROW = 36;
const GAP = 50;
const LEFT = 170;

const put = (id, text) => { document.getElementById(id).textContent = text; };
put("title", run.title);
put("about", run.about);
put("note", run.note);
document.title = run.title;

const round = (value) => (typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value);
const nameOf = (shape) => run.shapes[shape][0];
const facts = (shape, values) => values.map((value, place) => `${run.shapes[shape][place + 1]}: ${round(value)}`);

function tip(lines) {
  const box = document.createElement("div");
  box.className = "tip";
  for (const line of lines) {
    const row = document.createElement("div");
    row.textContent = line;
    box.append(row);
  }
  return box;
}

function rectangle(params, api, top, height) {
  const [begin, y] = api.coord([api.value(1), api.value(0)]);
  const [end] = api.coord([api.value(2), api.value(0)]);
  const row = api.size([0, 1])[1];
  const shape = echarts.graphic.clipRectByRect(
    { x: begin, y: y - row / 2 + row * top, width: Math.max(end - begin, 1), height: row * height },
    params.coordSys);
  return shape && { type: "rect", shape, style: { fill: api.visual("color") } };
}

const states = Object.keys(run.meaning);
const doing = run.lanes.flatMap((lane, row) => lane.changes.map(([begin, state], place) => {
  const end = lane.changes[place + 1]?.[0] ?? run.ms;
  return {
    value: [row, begin, end], what: states[state], itemStyle: { color: COLOURS[states[state]] },
    lines: [`${lane.role} (PID ${lane.pid})`, `${states[state]} for ${(end - begin).toFixed(1)} ms`],
  };
}));
const bars = run.lanes.flatMap((lane, row) => lane.bars.map(([begin, end, shape, ...values]) => ({
  value: [row, begin, end], itemStyle: { color: DARK },
  lines: [`${lane.role} (PID ${lane.pid})`, `${nameOf(shape)}: ${(end - begin).toFixed(1)} ms`, ...facts(shape, values)],
})));
const marks = run.lanes.flatMap((lane, row) => lane.marks.map(([at, shape, ...values]) => ({
  value: [at, row], lines: [`${lane.role} (PID ${lane.pid})`, `${nameOf(shape)} at ${at.toFixed(1)} ms`, ...facts(shape, values)],
})));
const arrows = run.arrows.map(([from, begin, to, end, shape, ...values]) => ({
  value: [from, begin, to, end], lines: [nameOf(shape), `${(end - begin).toFixed(2)} ms on its way`, ...facts(shape, values)],
}));

const lanesHeight = run.lanes.length * ROW;
const grids = [{ left: LEFT, right: 30, top: 30, height: lanesHeight }];
const axis = { type: "value", min: 0, max: run.ms, axisLabel: { formatter: (ms) => `${round(ms)} ms`, fontSize: 13, showMaxLabel: false }, splitLine: { show: false } };
const xAxes = [{ ...axis, gridIndex: 0 }];
const yAxes = [{
  type: "category", gridIndex: 0, inverse: true, data: run.lanes.map((lane) => `${lane.role}  ${lane.pid}`),
  axisLabel: { interval: 0, color: DARK, fontSize: 14 }, axisTick: { show: false },
}];
const series = [
  { name: "doing", type: "custom", data: doing, encode: { x: [1, 2], y: 0 }, renderItem: (p, api) => rectangle(p, api, 0.15, 0.7) },
  { name: "bars", type: "custom", data: bars, encode: { x: [1, 2], y: 0 }, renderItem: (p, api) => rectangle(p, api, 0.74, 0.11) },
  { name: "marks", type: "scatter", data: marks, symbol: "triangle", symbolSize: 7, itemStyle: { color: DARK } },
  {
    name: "arrows", type: "custom", data: arrows, encode: { x: [1, 3], y: [0, 2] }, silent: arrows.length > 2000,
    renderItem(params, api) {
      const [x1, y1] = api.coord([api.value(1), api.value(0)]);
      const [x2, y2] = api.coord([api.value(3), api.value(2)]);
      const line = { type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: DARK, lineWidth: 1.2, opacity: 0.7 } };
      const head = { type: "circle", shape: { cx: x2, cy: y2, r: 3 }, style: { fill: DARK } };
      return { type: "group", children: arrows.length > 2000 ? [line] : [line, head] };
    },
  },
];
run.counters.forEach((counter, place) => {
  const number = place + 1;
  grids.push({ left: LEFT, right: 30, top: 30 + lanesHeight + GAP + place * 130, height: 80 });
  xAxes.push({ ...axis, gridIndex: number });
  yAxes.push({ type: "value", gridIndex: number, name: counter.name, nameLocation: "middle", nameGap: 40, minInterval: 1 });
  series.push({
    name: counter.name, type: "line", step: "end", showSymbol: false, areaStyle: { opacity: 0.2 },
    xAxisIndex: number, yAxisIndex: number, data: counter.values, lineStyle: { color: "#2b6cb0" }, color: "#2b6cb0",
  });
});
const everyAxis = xAxes.map((_, number) => number);
const chart = document.getElementById("chart");
chart.style.height = `${30 + lanesHeight + GAP + run.counters.length * 130 + 60}px`;
chart.setAttribute("aria-label", `${run.lanes.length} lanes, ${run.counters.length} counters`);
const picture = echarts.init(chart, null, { renderer: "canvas" });
picture.setOption({
  animation: false,
  grid: grids, xAxis: xAxes, yAxis: yAxes, series,
  dataZoom: [
    { type: "inside", xAxisIndex: everyAxis, filterMode: "none", zoomOnMouseWheel: "ctrl" },
    { type: "slider", xAxisIndex: everyAxis, filterMode: "none", bottom: 10, height: 24, showDataShadow: false },
  ],
  tooltip: { confine: true, renderMode: "html", formatter: (params) => tip(params.data.lines ?? [`${params.seriesName}: ${params.value[1]}`, `at ${params.value[0].toFixed(1)} ms`]) },
  toolbox: { feature: { saveAsImage: { title: "PNG", name: "procdemo" } }, right: 30 },
});
chart.addEventListener("keydown", (event) => {
  const { start, end } = picture.getOption().dataZoom[0];
  const part = (end - start) / 4;
  const [left, right] = {
    "+": [part, -part], "-": [-2 * part, 2 * part], ArrowLeft: [-part, -part], ArrowRight: [part, part], 0: [-start, 100 - end],
  }[event.key] ?? [0, 0];
  const from = Math.min(Math.max(start + left, 0), Math.max(100 - (end - start + right - left), 0));
  if (left || right) picture.dispatchAction({ type: "dataZoom", start: from, end: Math.min(from + end - start + right - left, 100) });
});
addEventListener("resize", () => picture.resize());
addEventListener("beforeprint", () => picture.resize({ width: 700 }));
addEventListener("afterprint", () => picture.resize());

function explain(sign, colour, meaning) {
  const item = document.createElement("li");
  const swatch = document.createElement("span");
  if (colour) swatch.className = "state";
  swatch.style.background = colour;
  swatch.textContent = sign;
  item.append(swatch, meaning);
  document.getElementById("legend").append(item);
}
const seen = new Set(doing.map((stroke) => stroke.what));
for (const [what, meaning] of Object.entries(run.meaning)) if (seen.has(what)) explain("", COLOURS[what], meaning);
if (bars.length) explain("▁", "", "something that takes its time");
if (marks.length) explain("▲", "", "something that happens");
if (arrows.length) explain("╱", "", "something sent, and where it arrives");

for (const [name, rows] of Object.entries(run.tables)) {
  const table = document.createElement("table");
  table.createCaption().textContent = name;
  const columns = [...new Set(rows.flatMap(Object.keys))];
  const head = table.createTHead().insertRow();
  for (const column of columns) {
    const cell = document.createElement("th");
    cell.textContent = column.replaceAll("_", " ");
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const column of columns) line.insertCell().textContent = round(row[column]) ?? "";
  }
  document.getElementById("tables").append(table);
}
document.body.dataset.drawn = "yes";
