"use strict";
// Draws the run in #run: lanes above, counters below, one zoom for both. All text of the run is data:
// it reaches the page by textContent, or as text on a canvas, never as markup.
const run = JSON.parse(document.getElementById("run").textContent);
const COLOURS = { runs: "#2b6cb0", blocked: "#c05621", waits: "#cbd5e0", gone: "#f7fafc" };
const ROW = 30;
const GAP = 50;
const LEFT = 170;

const put = (id, text) => { document.getElementById(id).textContent = text; };
put("title", run.title);
put("about", run.about);
put("note", run.note);
document.title = run.title;

const facts = (data) => Object.entries(data).map(([key, value]) => `${key}: ${value}`);

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

const doing = run.lanes.flatMap((lane, row) => lane.changes.map(([begin, end, what]) => ({
  value: [row, begin, end], itemStyle: { color: COLOURS[what] },
  lines: [`${lane.role} (PID ${lane.pid})`, `${what} for ${(end - begin).toFixed(1)} ms`],
})));
const bars = run.lanes.flatMap((lane, row) => lane.bars.map(([begin, end, name, data]) => ({
  value: [row, begin, end], itemStyle: { color: "#1a365d" },
  lines: [`${lane.role} (PID ${lane.pid})`, `${name}: ${(end - begin).toFixed(1)} ms`, ...facts(data)],
})));
const marks = run.lanes.flatMap((lane, row) => lane.marks.map(([at, name, data]) => ({
  value: [at, row], lines: [`${lane.role} (PID ${lane.pid})`, `${name} at ${at.toFixed(1)} ms`, ...facts(data)],
})));
const arrows = run.arrows.map(([from, begin, to, end, name, data]) => ({
  value: [from, begin, to, end], lines: [name, `${(end - begin).toFixed(2)} ms on its way`, ...facts(data)],
}));

const lanesHeight = run.lanes.length * ROW;
const grids = [{ left: LEFT, right: 30, top: 30, height: lanesHeight }];
const axis = { type: "value", min: 0, max: run.ms, axisLabel: { formatter: "{value} ms" }, splitLine: { show: false } };
const xAxes = [{ ...axis, gridIndex: 0 }];
const yAxes = [{
  type: "category", gridIndex: 0, inverse: true, data: run.lanes.map((lane) => `${lane.role}  ${lane.pid}`),
  axisLabel: { interval: 0, color: "#111" }, axisTick: { show: false },
}];
const series = [
  { name: "doing", type: "custom", data: doing, encode: { x: [1, 2], y: 0 }, renderItem: (p, api) => rectangle(p, api, 0.15, 0.7) },
  { name: "bars", type: "custom", data: bars, encode: { x: [1, 2], y: 0 }, renderItem: (p, api) => rectangle(p, api, 0.72, 0.13) },
  { name: "marks", type: "scatter", data: marks, symbol: "triangle", symbolSize: 7, itemStyle: { color: "#111" } },
  {
    name: "arrows", type: "custom", data: arrows, encode: { x: [1, 3], y: [0, 2] }, silent: arrows.length > 2000,
    renderItem(params, api) {
      const [x1, y1] = api.coord([api.value(1), api.value(0)]);
      const [x2, y2] = api.coord([api.value(3), api.value(2)]);
      return { type: "line", shape: { x1, y1, x2, y2 }, style: { stroke: "#718096", lineWidth: 1, opacity: 0.6 } };
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
    { type: "inside", xAxisIndex: everyAxis, filterMode: "none" },
    { type: "slider", xAxisIndex: everyAxis, filterMode: "none", bottom: 10, height: 24 },
  ],
  tooltip: { confine: true, renderMode: "html", formatter: (params) => tip(params.data.lines ?? [`${params.seriesName}: ${params.value[1]}`, `at ${params.value[0].toFixed(1)} ms`]) },
  toolbox: { feature: { saveAsImage: { title: "PNG", name: "procdemo" } }, right: 30 },
});
addEventListener("resize", () => picture.resize());
addEventListener("beforeprint", () => picture.resize({ width: 700 }));
addEventListener("afterprint", () => picture.resize());

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
    for (const column of columns) line.insertCell().textContent = row[column] ?? "";
  }
  document.getElementById("tables").append(table);
}
document.body.dataset.drawn = "yes";
