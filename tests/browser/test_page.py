"""The page in a browser: it draws what the log says, makes no request, and runs no text of the run."""

import importlib
import json
import re
import signal
import socket
from itertools import pairwise
from pathlib import Path

import pytest
from harness import Command, run

from procdemo import catalog
from procdemo.demo.event_log import read
from procdemo.demo.story import compose
from procdemo.render.palette import LOOKS
from procdemo.render.spans import flows
from procdemo.render.timeline import lanes

LESSONS = {
    "prodcons": "--items 8 --consumers 1 --maxsize 2 --work 0.05",
    "pool-server": "--port 0 --workers 2 --clients 3 --stay 0.2",
    "crawl-callback": "--max-pages 8 --workers 2",
    "spawn": "--work 0.05 --start-method spawn",
    "lab": "two-locks",
}
RECORDED = Path(__file__).parents[1] / "golden" / "prodcons.jsonl"
HOSTILE = b"</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"

# The state that each lane is in longest, the states whose bars look like the one drawn there, and how many of
# five places along it have a pixel of that bar's ground: a place may lie below an arrow, a pixel on a stroke.
DRAWN = """() => {
  const canvas = document.querySelector("#chart canvas");
  const scale = canvas.width / canvas.clientWidth;
  const pen = canvas.getContext("2d");
  const bars = picture.getZr().storage.getDisplayList().filter(({ type }) => type === "rect");
  const groundOf = (fill) => fill?.paper ?? fill;
  const grounds = STATES.map((name) => groundOf(STATE_FILLS[name]));
  return run.lanes.map((lane, row) => {
    const until = (place) => lane.changes[place + 1]?.[0] ?? run.ms;
    const length = ([since], place) => until(place) - since;
    const longest = lane.changes.reduce((best, change, place) =>
      length(change, place) > length(lane.changes[best], best) ? place : best, 0);
    const [[begin, state], end] = [lane.changes[longest], until(longest)];
    const axes = { xAxisIndex: 0, yAxisIndex: 0 };
    const at = (part) => picture.convertToPixel(axes, [begin + (end - begin) * part, row]);
    const [x, middle] = at(0.5);
    const y = middle - ROW / 5; // a lane's state is above its middle, what it told of is below
    const { style } = bars.find(({ shape, style: { fill } }) => shape.x <= x && x < shape.x + shape.width
      && shape.y <= y && y < shape.y + shape.height && grounds.includes(groundOf(fill)));
    const ground = groundOf(style.fill);
    const drawn = STATES.filter((name, number) => grounds[number] === ground
      && (patternOf(name) !== "outlined" || style.stroke === colourOf(name)));
    const wanted = ground.match(/[0-9a-f]{2}/g).map((part) => parseInt(part, 16));
    const found = [0.1, 0.3, 0.5, 0.7, 0.9].filter((part) => {
      const spot = pen.getImageData(at(part)[0] * scale - 4, y * scale - 4, 8, 8).data;
      for (let pixel = 0; pixel < spot.length; pixel += 4) {
        if (wanted.every((value, place) => Math.abs(value - spot[pixel + place]) <= 1)) return true;
      }
      return false;
    });
    return { expected: STATES[state], drawn, places: found.length };
  });
}"""
POINT = """([ms, row]) => {
  const { left, top } = chart.getBoundingClientRect();
  const y = picture.convertToPixel({ yAxisIndex: 0 }, 0) + row * ROW;
  return [left + picture.convertToPixel({ xAxisIndex: 0 }, ms), top + y];
}"""
EXTENTS = """() => run.counters.concat([0]).map((_, n) =>
  picture.getModel().getComponent("xAxis", n).axis.scale.getExtent())"""


@pytest.fixture
def lesson(request, tmp_path):
    """Return a page of a real run, its events, and the lanes that these make."""
    page, kept = tmp_path / "run.html", tmp_path / "run.jsonl"
    args = LESSONS[request.param].split()
    run(request.param, *args, "-q", "-o", str(page), "--record", str(kept)).assert_clean(0)
    with kept.open("rb") as lines:
        events = list(read(lines))
    story = compose(importlib.import_module(catalog.find(request.param).module))
    return page, events, lanes(events, story.lanes, story.threads)


def lesson_of(*names):
    return pytest.mark.parametrize("lesson", names, indirect=True)


@lesson_of(*LESSONS)
def test_each_process_has_its_lane_in_the_colours_of_what_it_did(lesson, show):
    file, _, expected = lesson
    page = show(file)
    drawn = page.evaluate(
        "run.lanes.map(({ pid, tid, changes }) => [pid, tid, changes.map(([, state]) => STATES[state])])"
    )
    assert drawn == [[lane.pid, lane.tid, [str(state) for _, state in lane.changes]] for lane in expected]
    assert page.get_attribute("#chart", "aria-label").startswith(f"{len(expected)} lanes")
    for lane in page.evaluate(DRAWN):
        assert lane["expected"] in lane["drawn"], lane
        assert lane["places"] >= 3, f"some may lie under an arrow: {lane}"


@lesson_of("prodcons", "crawl-callback")
def test_what_is_sent_has_an_arrow(lesson, show):
    file, events, _ = lesson
    page = show(file)
    assert page.evaluate("run.arrows.length") == len(flows(events)) > 0
    assert page.inner_text("#arrows") == "sent by one, received by another"
    drawn = "picture.getZr().storage.getDisplayList().filter(({ type }) => type === 'line').length"
    assert page.evaluate(drawn) >= len(flows(events))


def tip(page, ms, row, about):
    """Return what the page says of a place: a lane's state is 0.2 above its middle, bars are 0.2 below."""
    page.mouse.move(*page.evaluate(POINT, [ms, row]))
    shown = page.locator("#tip", has_text=about)
    shown.wait_for(state="visible")
    return shown.inner_text()


@pytest.fixture
def recorded(tmp_path, show):
    """Return the page of a run that was recorded: each time the same."""
    file = tmp_path / "run.html"
    run("replay", str(RECORDED), "-q", "-o", str(file)).assert_clean(0)
    return show(file)


def test_tips_have_the_data(recorded):
    page = recorded
    with RECORDED.open("rb") as lines:
        events = list(read(lines))
    shapes, drawn, names = page.evaluate("[run.shapes, run.lanes, STATES]")
    row, lane = next((row, lane) for row, lane in enumerate(drawn) if lane["role"] == "consumer-0")
    begin, end, _, number = next(bar for bar in reversed(lane["bars"]) if shapes[bar[2]][0] == "eats")
    middle = (begin + end) / 2
    said = rf"consumer-0 \(PID {lane['pid']}\)\neats: [\d.]+ ms, from [\d.]+ ms\nid: {number}$"
    assert re.match(said, tip(page, middle, row + 0.2, "eats"))
    assert (
        number == [event.data["id"] for event in events if (event.kind, event.name) == ("begin", "eats")][-1]
    )
    pieces = pairwise([*lane["changes"], [page.evaluate("run.ms"), None]])
    (since, state), (until, _) = max(pieces, key=lambda piece: piece[1][0] - piece[0][0])
    meaning = LOOKS[names[state]].meaning
    said = rf"\n{meaning}\n(?:.+\n)?for [\d.]+ ms, from [\d.]+ ms$"
    assert re.search(said, tip(page, (since + until) / 2, row - 0.2, meaning))
    assert re.match(r"in the queue\n[\d.]+ at [\d.]+ ms$", tip(page, middle, len(drawn) + 1, "in the queue"))
    page.mouse.move(1, 1)
    page.locator("#tip").wait_for(state="hidden")


def test_the_state_is_the_kernels_and_its_reason_is_the_storys(recorded):
    page = recorded
    shapes, drawn = page.evaluate("[run.shapes, run.lanes]")
    for what, reason in (("put", "in put(): the queue is full"), ("eats", "eats bun ")):
        bars = [(bar[1] - bar[0], bar, row) for row, lane in enumerate(drawn) for bar in lane["bars"]]
        _, (begin, end, *_), row = max(each for each in bars if shapes[each[1][2]][0] == what)
        role, _, why, how_long = tip(page, (begin + end) / 2, row - 0.2, reason).splitlines()
        assert role.startswith(drawn[row]["role"])
        assert why.startswith(reason)
        assert how_long.startswith("for ")


@lesson_of("prodcons", "spawn")
def test_the_legend_has_what_is_there_and_nothing_else(lesson, show):
    page = show(lesson[0])
    texts = page.locator("#legend li:visible").all_inner_texts()
    seen = page.evaluate("run.lanes.flatMap((lane) => lane.changes.map(([, what]) => what))")
    meanings = page.evaluate("STATES.map(meaningOf)")
    states = [meaning for number, meaning in enumerate(meanings) if number in seen]
    assert texts[: len(states)] == states
    some = {
        what: page.evaluate(f"run.lanes.some((lane) => lane.{what}.length)") for what in ("bars", "marks")
    }
    assert ("an action: from begin to end" in texts) == some["bars"]
    assert ("an event" in texts) == some["marks"]


@lesson_of("prodcons")
def test_one_zoom_for_lanes_and_counters(lesson, show):
    page = show(lesson[0])
    whole = page.evaluate(EXTENTS)
    assert len(whole) == 2
    page.focus("#chart")
    for key, narrower in [("+", True), ("ArrowRight", True), ("0", False)]:
        page.keyboard.press(key)
        lane, counter = page.evaluate(EXTENTS)
        assert lane == counter
        assert (lane[1] - lane[0] < whole[0][1] - whole[0][0]) == narrower
    page.mouse.move(*page.evaluate(POINT, [whole[0][1] / 2, 1]))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    page.wait_for_function("() => picture.getOption().dataZoom[0].end < 100")
    lane, counter = page.evaluate(EXTENTS)
    assert lane == counter


@lesson_of("prodcons")
def test_the_table_has_the_numbers_of_the_summary(lesson, show):
    file, events, _ = lesson
    page = show(file)
    cells = page.locator("table", has=page.locator("caption", has_text="summary")).locator("th, td")
    texts = cells.all_inner_texts()
    half = len(texts) // 2
    shown = dict(zip(texts[:half], texts[half:], strict=True))
    summary = {key.replace("_", " "): value for key, value in events[-1].data.items()}
    assert set(shown) == set(summary)
    for name, value in summary.items():
        expected = float(f"{value:.4g}") if isinstance(value, float) else value
        assert shown[name] == (json.dumps(expected) if not isinstance(value, str) else value)


@lesson_of("pool-server")
def test_it_prints(lesson, show):
    page = show(lesson[0])
    width = "document.querySelector('#chart canvas').clientWidth"
    on_screen = page.evaluate(width)
    page.emulate_media(media="print")
    page.wait_for_function(f"() => {width} <= 960")  # as wide as A4 or Letter, landscape
    assert page.evaluate("getComputedStyle(document.querySelector('#keys')).display") == "none"
    printed = page.pdf(prefer_css_page_size=True)
    assert 1 <= len(re.findall(rb"/Type */Page\b", printed)) <= 4
    images = [int(width) for width in re.findall(rb"/Width (\d+)", printed)]
    assert max(images) >= 960, "the chart"
    assert len(images) > page.locator("#legend li:visible").count(), (
        "and the swatches, which print as they are"
    )
    page.emulate_media(media="screen")
    page.wait_for_function(f"() => {width} === {on_screen}")


def test_what_a_client_says_is_text_and_nothing_else(tmp_path, show):
    file = tmp_path / "run.html"
    with Command("echo-server", "--port", "0", "--json", "-v", "-o", str(file)) as command:
        port = command.wait_event("listening").data["port"]
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(HOSTILE)
            assert client.recv(1000)
        command.wait_event("served")
        command.signal(signal.SIGTERM)
        command.finish().assert_clean(0)
    page = show(file)
    assert page.evaluate("window.pwned") is None
    assert page.locator("img:not(#legend img), iframe, object").count() == 0
    assert page.locator("script").count() == 4
    row, at, _ = page.evaluate(
        """run.lanes.flatMap(({ marks }, row) => marks.map(([at, shape]) => [row, at, run.shapes[shape][0]]))
           .find(([, , name]) => name === "heard")"""
    )
    assert f"data: {HOSTILE.decode()}" in tip(page, at, row - 0.4, "heard").splitlines()
    assert page.evaluate("window.pwned") is None


def test_ten_thousand_items(tmp_path, show):
    file = tmp_path / "run.html"
    run("prodcons", "--items", "10000", "--work", "0", "-v", "-o", str(file), within=50).assert_clean(0)
    assert file.stat().st_size < 3_000_000
    page = show(file)
    assert page.evaluate("run.lanes.length") == 5
    assert page.inner_text("#arrows") == "10,000 arrows: zoom in to see them"
    for lane in page.evaluate(DRAWN):
        assert lane["places"], lane
    strokes = "picture.getZr().storage.getDisplayList().length"
    assert page.evaluate(strokes) < 5 * 1280 * 2, "what is thinner than a pixel is summed up"
