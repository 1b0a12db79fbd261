"""The page for the back row: P makes all of it large, and P again makes it as it was."""

from pathlib import Path

import pytest
from harness import run

RECORDED = Path(__file__).parents[1] / "golden" / "pool-server.jsonl"
LABELS = "picture.getOption().yAxis[0].data"
SIZES = "[SIZE, parseInt(getComputedStyle(document.body).fontSize)]"
ANSWER = "1 client waited, and the PID that became free served it."


@pytest.fixture
def page(tmp_path, show):
    file = tmp_path / "run.html"
    run("replay", str(RECORDED), "-q", "-o", str(file)).assert_clean(0)
    return show(file)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (800, 600)])
def test_p_makes_it_large_and_p_makes_it_as_it_was(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    before = page.evaluate(LABELS)
    assert all(label.split()[-1].isdecimal() for label in before)
    assert page.evaluate(SIZES) == [15, 18]
    assert not page.is_visible("#answer")
    assert "computing: " in page.inner_text("#legend")
    page.keyboard.press("p")
    assert page.evaluate(SIZES) == [28, 28]
    assert page.evaluate(LABELS) == ["main", *(f"client-{n}" for n in range(3)), "worker-0", "worker-1"]
    assert page.inner_text("#answer") == ANSWER
    assert "computing: " not in page.inner_text("#legend")
    bottom = "chart.getBoundingClientRect().bottom - picture.getHeight() + TOP + run.lanes.length * ROW"
    assert page.evaluate(bottom) <= height
    page.keyboard.press("Shift+P")
    assert page.evaluate(SIZES) == [15, 18]
    assert page.evaluate(LABELS) == before


def test_the_zoom_stays_and_other_keys_work(page):
    page.keyboard.press("+")  # without a click on the chart
    zoom = "(({ start, end }) => [start, end])(picture.getOption().dataZoom[0])"
    zoomed = page.evaluate(zoom)
    assert zoomed != [0, 100]
    page.keyboard.press("p")
    assert page.evaluate(zoom) == zoomed
    page.keyboard.press("0")
    assert page.evaluate(zoom) == [0, 100]
    page.keyboard.press("Control+p")
    assert page.evaluate(SIZES) == [28, 28]


class Linked:
    """A file, and a link to it that asks for large things."""

    def __init__(self, file):
        self.as_uri = lambda: f"{file.as_uri()}#present"


def test_a_link_can_ask_for_it(tmp_path, show):
    file = tmp_path / "run.html"
    run("replay", str(RECORDED), "-q", "-o", str(file)).assert_clean(0)
    assert show(Linked(file)).evaluate(SIZES) == [28, 28]
