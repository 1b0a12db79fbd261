"""The wait-for graph on a page: boxes and arrows, the circle in red, and the lines of code that wait."""

import pytest
from harness import run

from procdemo.demo.event_log import read
from procdemo.demo.events import CIRCLE, CODE, THREAD, Event
from procdemo.lab.lesson import FOLDER
from procdemo.render.html import Html
from procdemo.render.wait_pictures import sources

RED, DARK = "rgb(204, 0, 0)", "rgb(26, 36, 51)"
HOSTILE = "</script><img src=x onerror=window.pwned=1>"

# Boxes and arrows: whose they are, and in which colour they are drawn.
BOXES = """(part) => [...part.querySelectorAll(".box")].map((box) => [
  +box.dataset.pid, +box.dataset.tid, getComputedStyle(box.querySelector("rect")).stroke,
  getComputedStyle(box.querySelectorAll("rect")[1]).fill])"""
ARROWS = """(part) => [...part.querySelectorAll(".arrow")].map((arrow) => [
  +arrow.dataset.from, +arrow.dataset.to, getComputedStyle(arrow.querySelector("path")).stroke,
  getComputedStyle(arrow.querySelector("polygon")).fill])"""
# Where each arrow begins and ends: how far from the boxes that it connects, in pixels of the drawing.
DISTANCES = """(part) => [...part.querySelectorAll(".arrow")].map((arrow) => {
  const path = arrow.querySelector("path");
  const away = (tid, { x, y }) => {
    const box = part.querySelector(`.box[data-tid="${tid}"] rect`).getBBox();
    const across = Math.max(box.x - x, 0, x - box.x - box.width);
    return Math.hypot(across, Math.max(box.y - y, 0, y - box.y - box.height));
  };
  return [away(arrow.dataset.from, path.getPointAtLength(0)),
    away(arrow.dataset.to, path.getPointAtLength(path.getTotalLength()))];
})"""
OVERLAPS = """(part) => {
  const frames = [...part.querySelectorAll(".box rect:first-of-type")];
  const boxes = frames.map((box) => box.getBBox());
  return boxes.flatMap((one, place) => boxes.slice(place + 1).filter((other) =>
    one.x < other.x + other.width && other.x < one.x + one.width
    && one.y < other.y + other.height && other.y < one.y + one.height)).length;
}"""
OUTSIDE = """(part) => {
  const { x, y, width, height } = part.querySelector("svg").viewBox.baseVal;
  return [...part.querySelectorAll(".box, .arrow")].map((each) => each.getBBox()).filter((each) =>
    each.x < x || each.y < y || each.x + each.width > x + width || each.y + each.height > y + height).length;
}"""
# Arrows that are hidden by a box which they do not belong to.
CROSSINGS = """(part) => [...part.querySelectorAll(".arrow")].filter((arrow) => {
  const path = arrow.querySelector("path");
  return [...part.querySelectorAll(".box")].some((box) => {
    const { x, y, width, height } = box.querySelector("rect").getBBox();
    const tid = box.dataset.tid;
    return tid !== arrow.dataset.from && tid !== arrow.dataset.to && [...Array(51).keys()].some((step) => {
      const at = path.getPointAtLength(path.getTotalLength() * step / 50);
      return x < at.x && at.x < x + width && y < at.y && at.y < y + height;
    });
  });
}).length"""
LINES = """() => [...document.querySelectorAll("#sources pre div.waits")].map((line) =>
  [parseInt(line.textContent), line.classList.contains("circle"), line.querySelector("span").textContent])"""


WATCH = ("watch", "-q", "--still", "0.5", "--on-hang", "kill")


@pytest.fixture
def lesson(request, tmp_path):
    """Return the page of a lesson of the lab, or of its script under watch, and the events."""
    page, kept = tmp_path / "run.html", tmp_path / "run.jsonl"
    outputs = ("-o", str(page), "--record", str(kept))
    name, _, watched = request.param.partition(" ")
    if watched:
        run(*WATCH, *outputs, str(FOLDER / name / "broken.py")).assert_clean(4)
    else:
        run("lab", name, "-q", *outputs).assert_clean(0)
    with kept.open("rb") as lines:
        return page, list(read(lines))


@pytest.mark.parametrize(
    "lesson", ["two-locks", "dining-philosophers", "two-locks under watch"], indirect=True
)
def test_a_program_that_hangs_has_its_circle_drawn(lesson, show):
    file, events = lesson
    page = show(file)
    graph = page.locator("#graphs figure")
    rows = [event.data for event in events if event.name == THREAD]
    (circle,) = [[tid for _, tid in event.data["threads"]] for event in events if event.name == CIRCLE]
    boxes = {tid: stroke for _, tid, stroke, _ in graph.evaluate(BOXES)}
    assert boxes == {row["tid"]: RED if row["tid"] in circle else DARK for row in rows}
    following = dict(zip(circle, [*circle[1:], circle[0]], strict=True))
    waits = {(row["tid"], other) for row in rows for _, other in row["on"]}
    expected = {
        (begin, end, colour, colour)
        for begin, end in waits
        for colour in [RED if following.get(begin) == end else DARK]
    }
    assert set(map(tuple, graph.evaluate(ARROWS))) == expected
    assert len(following) == sum(colour == RED for *_, colour in expected) > 1
    assert page.locator("#graphs figcaption").inner_text().endswith("the circle is red")
    for begins, ends in graph.evaluate(DISTANCES):
        assert begins < 1
        assert ends < 4


@pytest.mark.parametrize("lesson", ["two-locks"], indirect=True)
def test_the_code_has_the_lines_in_which_threads_wait(lesson, show):
    file, events = lesson
    page = show(file)
    expected = [
        [number, red, f"  ← {'; '.join(names)}"]
        for source in sources(events)
        for number, _, names, red in source["lines"]
        if names
    ]
    assert page.evaluate(LINES) == expected
    assert [red for _, red, _ in expected] == [True, False]
    assert page.locator("#sources figcaption").all_inner_texts() == [
        "two-locks/broken.py",
        "two-locks/fixed.py",
    ]
    blocked = page.evaluate("run.looks.blocked[0]")
    swatches = page.locator("#graphs svg .box rect:nth-of-type(2)")
    assert [swatches.nth(place).get_attribute("fill") for place in range(3)] == [blocked] * 3


def drawn(tmp_path, show, events):
    """Return the page of a run that has these events."""
    file = tmp_path / "run.html"
    with file.open("w") as out:
        renderer = Html(out, {})
        for kind, name, data in events:
            renderer(Event(kind, name, data, 1, 7, 7, "observer"))
        renderer.close()
    return show(file)


def told(rows, circle=(), **more):
    """Return the events that tell of a picture."""
    usual = {"state": "blocked", "file": "x.py", "line": 1, "function": "f", "waits_for": "a lock"}
    events = [("result", THREAD, {**usual, "role": f"child {row['pid']}", **row, **more}) for row in rows]
    return [*events, ("mark", CIRCLE, {**more, "threads": [[pid, pid] for pid in circle]})]


def row(pid, *on, tid=0):
    return {
        "pid": pid,
        "tid": tid or pid,
        "on": [list(node) if isinstance(node, tuple) else [node, node] for node in on],
    }


GRAPHS = {
    "one that waits for itself": ([row(1, 1)], [1]),
    "a circle of three, and a chain to it": (
        [row(1, 2), row(2, 3), row(3, 1), row(4, 1), row(5, 4)],
        [1, 2, 3],
    ),
    "a circle of twelve": ([row(pid, pid % 12 + 1) for pid in range(1, 13)], range(1, 13)),
    "a circle that waits for others, too": ([row(1, 2, 3), row(2, 1, 4), row(3), row(4, 3)], [1, 2]),
    "a chain without a circle": ([row(1, 2), row(2, 3), row(3)], []),
    "a tree": ([row(1, 2, 3, 4), row(2, 5), row(3, 5), row(4, 5), row(5)], []),
    "threads of one process": ([row(1, (1, 9)), row(1, (1, 1), tid=9)], []),
    "each for itself": ([row(pid) for pid in range(1, 12)], []),
    "two circles": ([row(1, 2), row(2, 1), row(3, 4), row(4, 3)], [1, 2]),
    "a circle of three that is not said to be one": ([row(1, 2), row(2, 3), row(3, 1), row(4, 1)], []),
    "many at one lock": ([row(1, 3), *(row(pid, 1) for pid in range(2, 20))], [1, 3]),
    "more than fit": ([row(pid, 1) for pid in range(1, 100)], []),
}


def test_graphs_of_every_form_fit_on_the_page(tmp_path, show):
    events = [event for name, picture in GRAPHS.items() for event in told(*picture, picture=name)]
    page = drawn(tmp_path, show, events)
    for place, (name, (rows, circle)) in enumerate(GRAPHS.items()):
        graph = page.locator("#graphs figure").nth(place)
        pids = {pid for pid, *_ in graph.evaluate(BOXES)}
        assert len(pids) == min(len({each["pid"] for each in rows}), 24), name
        waits = {(each["tid"], tid) for each in rows for _, tid in each["on"] if each["pid"] in pids}
        assert {(begin, end) for begin, end, *_ in graph.evaluate(ARROWS)} == waits, name
        assert graph.evaluate(OVERLAPS) == 0, name
        assert graph.evaluate(OUTSIDE) == 0, name
        assert graph.evaluate(CROSSINGS) == 0, name
        said = graph.locator("figcaption").inner_text()
        assert ("circle is red" in said) == bool(circle), name
        assert ("75 more threads" in said) == (len(rows) == 99), name


def test_texts_of_the_program_are_text_and_nothing_else(tmp_path, show):
    hostile = dict.fromkeys(("role", "function", "source", "waits_for", "state", "picture", "lock"), HOSTILE)
    code = ("mark", CODE, {"file": "x.py", "line": 1, "text": HOSTILE})
    page = drawn(tmp_path, show, [*told([row(1, 2), row(2, 1)], [1, 2], **hostile), code])
    assert page.locator("img:not(#legend img)").count() == 0
    assert page.evaluate("window.pwned") is None
    assert HOSTILE in page.locator("#graphs svg .box title").first.text_content()
    assert HOSTILE in page.locator("#sources pre").inner_text()


def test_a_page_without_such_events_has_neither_graph_nor_code(tmp_path, show):
    file = tmp_path / "run.html"
    run("spawn", "--children", "1", "--work", "0", "-q", "-o", str(file)).assert_clean(0)
    page = show(file)
    assert page.locator("figure").count() == 0
