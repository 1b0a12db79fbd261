"""The page in a browser: it draws what the log says, asks nobody, and runs nothing of what it tells."""

import json
import signal
import socket

import pytest
from harness import Command, run

from procdemo.bars import arrows
from procdemo.lanes import lanes
from procdemo.replay import read

LESSONS = {
    "prodcons": "--items 8 --consumers 1 --maxsize 2 --work 0.05",
    "pool-server": "--port 0 --workers 2 --clients 3 --stay 0.2",
    "crawl-callback": "--max-pages 8 --workers 2",
    "spawn": "--work 0.05 --start-method spawn",
}
HOSTILE = b"</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>"

# The colour in the middle of what each process did longest, and the one it should be.
PIXELS = """() => {
  const canvas = document.querySelector("#chart canvas");
  const scale = canvas.width / canvas.clientWidth;
  return run.lanes.map((lane, row) => {
    const mine = doing.filter((stroke) => stroke.value[0] === row);
    const length = ({ value: [, begin, end] }) => end - begin;
    const longest = mine.reduce((a, b) => (length(b) > length(a) ? b : a));
    const [, begin, end] = longest.value;
    const shades = [0.1, 0.3, 0.5, 0.7, 0.9].map((part) => {
      const at = { xAxisIndex: 0, yAxisIndex: 0 };
      const [x, y] = picture.convertToPixel(at, [begin + (end - begin) * part, row]);
      const spot = canvas.getContext("2d").getImageData(x * scale, (y - ROW / 4) * scale, 1, 1).data;
      return "#" + [...spot].slice(0, 3).map((part) => part.toString(16).padStart(2, "0")).join("");
    });
    return { expected: COLOURS[longest.what], shades };
  });
}"""
EXTENTS = """() => run.counters.concat([0]).map((_, n) =>
  picture.getModel().getComponent("xAxis", n).axis.scale.getExtent())"""


@pytest.fixture
def lesson(request, tmp_path):
    """Return a page of a real run, and its events."""
    page, kept = tmp_path / "run.html", tmp_path / "run.jsonl"
    args = LESSONS[request.param].split()
    run(request.param, *args, "-q", "-o", str(page), "--record", str(kept)).assert_clean(0)
    with kept.open("rb") as lines:
        return page, list(read(lines))


def lesson_of(*names):
    return pytest.mark.parametrize("lesson", names, indirect=True)


@lesson_of(*LESSONS)
def test_each_process_has_its_lane_in_the_colours_of_what_it_did(lesson, show):
    file, events = lesson
    page = show(file)
    drawn = lanes(events, {})
    assert page.evaluate("run.lanes.map((lane) => lane.pid)") == [lane.pid for lane in drawn]
    assert page.get_attribute("#chart", "aria-label").startswith(f"{len(drawn)} lanes")
    for pixel in page.evaluate(PIXELS):
        hits = pixel["shades"].count(pixel["expected"])
        assert hits >= 3, f"some may lie under an arrow: {pixel}"


@lesson_of("prodcons", "crawl-callback")
def test_what_is_sent_has_an_arrow(lesson, show):
    file, events = lesson
    page = show(file)
    assert page.evaluate("arrows.length") == len(arrows(events)) > 0
    assert "something sent" in page.inner_text("#legend")


@lesson_of("prodcons")
def test_a_tip_has_the_data(lesson, show):
    page = show(lesson[0])
    row, begin, end, (_, _, number) = page.evaluate(
        "bars.map((bar) => [...bar.value, bar.lines]).filter((bar) => bar[3][1].startsWith('eats')).at(-1)"
    )
    box = page.locator("#chart").bounding_box()
    at = "([ms, row]) => picture.convertToPixel({ xAxisIndex: 0, yAxisIndex: 0 }, [ms, row])"
    x, y = page.evaluate(at, [(begin + end) / 2, row])
    page.mouse.move(box["x"] + x, box["y"] + y + 36 * 0.3)
    tip = page.locator(".tip", has_text="eats:")
    tip.wait_for(state="visible")
    assert number == "id: 7"
    assert number in tip.inner_text()


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


@lesson_of("prodcons")
def test_the_table_has_the_numbers_of_the_summary(lesson, show):
    file, events = lesson
    page = show(file)
    cells = page.locator("table", has=page.locator("caption", has_text="summary")).locator("th, td")
    told = cells.all_inner_texts()
    half = len(told) // 2
    shown = dict(zip(told[:half], told[half:], strict=True))
    summary = {key.replace("_", " "): value for key, value in events[-1].data.items()}
    assert set(shown) == set(summary)
    for name, value in summary.items():
        expected = float(f"{value:.4g}") if isinstance(value, float) else value
        assert shown[name] == (json.dumps(expected) if not isinstance(value, str) else value)


@lesson_of("pool-server")
def test_it_prints(lesson, show):
    page = show(lesson[0])
    page.emulate_media(media="print")
    style = "(what) => getComputedStyle(document.querySelector(what[0]))[what[1]]"
    assert page.evaluate(style, ["#legend .state", "printColorAdjust"]) == "exact"
    assert page.evaluate(style, ["#keys", "display"]) == "none"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.querySelector('#chart canvas').clientWidth") <= 720, "as wide as A4"
    assert page.pdf(format="A4").startswith(b"%PDF")


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
    assert page.locator("img, iframe, object").count() == 0
    lines = page.evaluate("marks.map((mark) => mark.lines).find((lines) => lines[1].startsWith('heard'))")
    assert f"data: {HOSTILE.decode()}" in lines
    assert HOSTILE.decode() in page.evaluate(
        "(lines) => document.body.appendChild(tip(lines)).innerText", lines
    )
    assert page.evaluate("window.pwned") is None


def test_ten_thousand_items(tmp_path, show):
    file = tmp_path / "run.html"
    run("prodcons", "--items", "10000", "--work", "0", "-v", "-o", str(file), within=50).assert_clean(0)
    assert file.stat().st_size < 3_000_000
    page = show(file)
    assert page.evaluate("run.lanes.length") == 5
    assert page.evaluate("arrows.length") == 10_000
    for pixel in page.evaluate(PIXELS):
        assert set(pixel["shades"]) != {"#ffffff"}
