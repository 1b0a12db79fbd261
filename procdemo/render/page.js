// The page around the lanes: title, legend, chart, zoom, tips, tables.

element("title").textContent = document.title = run.title;
element("about").textContent = run.about;
element("note").textContent = run.note;

// --- the legend: what occurs in this run, as it is drawn

function legend(words, id, paint) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [72, 40];
  const pen = canvas.getContext("2d");
  pen.scale(2, 2);
  paint(pen);
  const swatch = new Image();
  swatch.src = canvas.toDataURL();
  swatch.alt = "";
  const meaning = document.createElement("span");
  const [, meant, rest] = words.match(/([^:]*)(.*)/s);
  const more = document.createElement("span");
  [more.textContent, more.className] = [rest, "more"];
  meaning.append(meant, more);
  meaning.id = id;
  const item = document.createElement("li");
  item.append(swatch, meaning);
  element("legend").append(item);
}

function filled(pen, points, fill) {
  pen.fillStyle = fill;
  pen.beginPath();
  for (const point of points) pen.lineTo(...point);
  pen.fill();
}

const some = (what) => run.lanes.some((lane) => lane[what].length);
STATES.forEach((name, number) => {
  if (!run.lanes.some((lane) => lane.changes.some(([, what]) => what === number))) return;
  const [thin, outlined] = [patternOf(name) === "thin", patternOf(name) === "outlined"];
  legend(meaningOf(name), name, (pen) => {
    const fill = STATE_FILLS[name];
    pen.fillStyle = fill.image ? pen.createPattern(fill.image, "repeat") : fill;
    pen.fillRect(0, thin ? 9 : 3, 36, thin ? THIN : 14);
    pen.strokeStyle = colourOf(name);
    if (outlined) pen.strokeRect(1, 4, 34, 12);
  });
});
if (some("bars")) legend("an action: from begin to end", "bars", (pen) => filled(pen, [[0, 5], [36, 5], [36, 15], [0, 15]], DARK));
if (some("marks")) legend("an event", "marks", (pen) => filled(pen, [[12, 4], [24, 4], [18, 17]], MARK));
legend(SENT, "arrows", (pen) => {
  pen.strokeStyle = DARK;
  pen.lineWidth = 1.5;
  pen.moveTo(2, 16);
  pen.lineTo(26, 8);
  pen.stroke();
  filled(pen, [[34, 5], [24, 4], [27, 12]], DARK);
});
element("arrows").parentElement.hidden = !run.arrows.length;

// --- the chart

const chart = element("chart");
const everyAxis = [0, ...run.counters.keys()].map((_, number) => number);
chart.setAttribute("aria-label", `${run.lanes.length} lanes, ${run.counters.length} counters`);
let picture;

// Draw the chart; `big` is for the back row: large text, and no numbers beside the lanes.
function draw(big, zoom = { start: 0, end: 100 }) {
  measure(big);
  const lanesHeight = run.lanes.length * ROW;
  chart.style.height = `${TOP + lanesHeight + GAP + run.counters.length * (COUNTER + GAP) + 50}px`;
  const sharp = run.lanes.length < 100 ? Math.max(2, devicePixelRatio) : 1; // 2, for the printer
  picture = echarts.init(chart, null, { renderer: "canvas", devicePixelRatio: sharp });

  const axis = {
    type: "value", min: 0, max: run.ms || 1, splitLine: { show: false },
    axisLabel: { formatter: axisTime, fontSize: SIZE, color: "#111", showMaxLabel: false, hideOverlap: true },
    axisPointer: { show: true, label: { show: false }, triggerEmphasis: false, triggerTooltip: false },
  };
  const grids = [{ left: LEFT, right: RIGHT, top: TOP, height: lanesHeight }];
  const xAxes = [{ ...axis, gridIndex: 0 }];
  const yAxes = [{
    type: "category", gridIndex: 0, inverse: true, data: run.lanes.map(({ label }) => (big ? label.replace(/\s+\d+$/, "") : label)),
    axisLabel: {
      interval: 0, color: (_, row) => (run.lanes[row].helper ? PALE : "#111"),
      fontSize: Math.min(SIZE, ROW - 4), width: LEFT - 20, overflow: "truncate",
    },
    axisTick: { show: false },
  }];
  const drawn = { type: "custom", clip: true, encode: { x: 0, y: 1 } };
  const series = [
    { ...drawn, name: "lanes", data: run.lanes.map((_, row) => [0, row]), renderItem: drawLane },
    { ...drawn, name: "arrows", data: run.arrows.length ? [[0, 0]] : [], renderItem: drawArrows, z: 3 },
  ];
  run.counters.forEach((counter, place) => {
    const number = place + 1;
    grids.push({ left: LEFT, right: RIGHT, top: TOP + lanesHeight + GAP + place * (COUNTER + GAP), height: COUNTER });
    xAxes.push({ ...axis, gridIndex: number });
    yAxes.push({
      type: "value", gridIndex: number, name: counter.name, nameLocation: "middle", nameGap: big ? 70 : 50, minInterval: 1,
      nameTextStyle: { fontSize: SIZE, color: "#111" }, axisLabel: { fontSize: SIZE, color: "#111" }, splitNumber: 3,
    });
    series.push({
      // No `sampling`: ECharts would keep any of the values in a pixel, not the last.
      name: counter.name, type: "line", step: "end", showSymbol: false, silent: true,
      xAxisIndex: number, yAxisIndex: number, data: counter.values,
      lineStyle: { color: COUNT, width: big ? 3 : 1.5 }, areaStyle: { color: COUNT, opacity: 0.25 },
    });
  });
  picture.setOption({
    animation: false,
    grid: grids, xAxis: xAxes, yAxis: yAxes, series,
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    dataZoom: [
      { type: "inside", xAxisIndex: everyAxis, filterMode: "none", ...zoom, zoomOnMouseWheel: "ctrl" },
      { type: "slider", xAxisIndex: everyAxis, filterMode: "none", ...zoom, bottom: 10, height: 24, showDetail: false, showDataShadow: false },
    ],
    toolbox: { feature: { saveAsImage: { title: "PNG", name: "procdemo" } }, right: RIGHT },
  });
  picture.getZr().on("mousemove", ({ offsetX, offsetY, event }) => {
    const place = run.counters.findIndex((_, number) => picture.containPixel({ gridIndex: number + 1 }, [offsetX, offsetY]));
    if (place < 0) element("tip").hidden = true;
    else showTip(counterTip(run.counters[place], timeAt(offsetX)), event);
  });
  picture.on("mousemove", ({ info, event }) => {
    if (info) showTip(info(timeAt(event.offsetX)), event.event);
  });
  picture.on("globalout", () => { element("tip").hidden = true; });
}

const fit = (print) => picture.resize({ width: print ? PAPER : "auto" });
addEventListener("resize", () => fit(matchMedia("print").matches));
addEventListener("beforeprint", () => fit(true));
addEventListener("afterprint", () => fit(false));
matchMedia("print").addEventListener("change", (query) => fit(query.matches));

// --- zoom with the keyboard: the begin and the end of the window, in per cent

const KEYS = {
  "+": (begin, end) => [begin + (end - begin) / 4, end - (end - begin) / 4],
  "-": (begin, end) => [begin - (end - begin) / 2, end + (end - begin) / 2],
  ArrowLeft: (begin, end) => [begin, end].map((at) => at - Math.min((end - begin) / 4, begin)),
  ArrowRight: (begin, end) => [begin, end].map((at) => at + Math.min((end - begin) / 4, 100 - end)),
  0: () => [0, 100],
};
addEventListener("keydown", (event) => {
  if (!(event.key in KEYS) || event.ctrlKey || event.metaKey) return;
  if (event.key.startsWith("Arrow") && document.activeElement !== chart) return; // they scroll the page
  event.preventDefault();
  const [{ start, end }] = picture.getOption().dataZoom;
  const [begin, until] = KEYS[event.key](start, end);
  picture.dispatchAction({ type: "dataZoom", start: Math.max(begin, 0), end: Math.min(until, 100) });
});

// --- tips: each shape has a function `info`, which returns the lines of its tip

function showTip(lines, { clientX, clientY }) {
  const tip = element("tip");
  tip.replaceChildren(...lines.map((line) => {
    const row = document.createElement("div");
    row.textContent = line;
    return row;
  }));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(Math.min(clientX + 14, innerWidth - width - 8), 0)}px`;
  tip.style.top = `${clientY + 14 + height > innerHeight ? Math.max(clientY - height - 10, 0) : clientY + 14}px`;
}
const timeAt = (x) => picture.convertFromPixel({ xAxisIndex: 0 }, x);

// --- for the back row: P

function present(big) {
  document.body.classList.toggle("present", big);
  const zoom = picture?.getOption().dataZoom[0];
  picture?.dispose();
  draw(big, zoom && { start: zoom.start, end: zoom.end });
}
const [summary] = run.tables.summary ?? [{}];
element("answer").textContent = summary.reason ?? summary.answer ?? "";
present(location.hash === "#present");
addEventListener("keydown", ({ key, ctrlKey, metaKey, altKey }) => {
  if (key.toLowerCase() === "p" && !(ctrlKey || metaKey || altKey)) present(!document.body.classList.contains("present"));
});

// --- tables

function cell(line, value) {
  const made = line.insertCell();
  made.textContent = short(value) ?? "";
  made.className = typeof value === "number" ? "number" : "";
}

for (const [name, rows] of Object.entries(run.tables)) {
  const table = document.createElement("table");
  table.createCaption().textContent = name;
  const columns = [...new Set(rows.flatMap(Object.keys))];
  const head = table.createTHead().insertRow();
  for (const column of columns) {
    const title = document.createElement("th");
    title.textContent = column.replaceAll("_", " ");
    head.append(title);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const column of columns) cell(line, row[column]);
  }
  element("tables").append(table);
}
document.body.dataset.drawn = "yes";
