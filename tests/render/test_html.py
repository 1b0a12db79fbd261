"""The page is one file that makes no request, and all text of the run is data in it."""

import io
import json
import re

import pytest
from harness import run

from procdemo.demo.events import Event
from procdemo.demo.states import Activity
from procdemo.render.html import Html

EVIL = "</script><script>alert(1)</script><!-- @ECHARTS@ \u2028\x1b]0;PWN\x07"


def event(at, kind, name, pid=1, /, **data):
    return Event(kind, name, data, at * 1_000_000, pid, pid, f"worker-{pid}")


def page(*events):
    file = io.StringIO()
    file.close = lambda: None
    renderer = Html(file, {"get": Activity.BLOCKED})
    for each in events:
        renderer(each)
    renderer.close()
    return file.getvalue()


def data_of(text):
    """Return the run that is in a page."""
    (found,) = re.findall(r'<script type="application/json" id="run">(.*)</script>', text)
    return json.loads(found)


META = {"command": "prodcons", "summary": "Buns.", "python": "3.11.2", "start_method": "fork", "cpus": 2}
RUN = [
    event(
        0, "mark", "meta", command="prodcons", summary="Buns.", python="3.11.2", start_method="fork", cpus=2
    ),
    event(1, "begin", "get", 2),
    event(3, "send", "bun", id=1),
    event(4, "end", "get", 2, ms=3),
    event(4, "receive", "bun", 2, id=1),
    event(5, "count", "depth", value=2),
    event(6, "mark", "tick", x="y"),
    event(9, "result", "rows", name="a"),
    event(10, "result", "summary", ok=True),
]


def test_lanes_bars_marks_arrows_counters_tables():
    run = data_of(page(*RUN))
    assert (run["title"], run["ms"]) == ("prodcons - Buns.", 10)
    assert run["about"] == "Python 3.11.2, start method fork, 2 usable CPUs"
    assert [(lane["role"], lane["pid"]) for lane in run["lanes"]] == [("worker-1", 1), ("worker-2", 2)]
    assert run["lanes"][1]["changes"][0] == [1, list(run["looks"]).index(Activity.BLOCKED)]
    assert [run["shapes"][number] for number in (0, 1, 2)] == [["get", "ms"], ["tick", "x"], ["bun", "id"]]
    assert run["lanes"][1]["bars"] == [[1, 4, 0, 3]]
    assert run["lanes"][0]["marks"] == [[6, 1, "y"]]
    assert run["arrows"] == [[0, 3, 1, 4, 2, 1]]
    assert run["counters"] == [{"name": "depth", "values": [[5, 2]]}]
    assert list(run["tables"]) == ["rows", "summary"]


def test_it_makes_no_request():
    text = page(*RUN)
    assert "default-src 'none'" in text
    assert not re.findall(r'(?:src|href)="(?!data:)[^"]+"', text.partition('id="run"')[0])
    assert "Apache" in text, "the licence is in the page"


@pytest.mark.parametrize("place", ["name", "key", "value", "role", "title", "table", "counter"])
def test_text_of_the_run_is_data(place):
    evil = {
        "name": event(1, "begin", EVIL),
        "key": event(1, "mark", "x", **{EVIL: 1}),
        "value": event(1, "send", "x", id=EVIL),
        "role": event(1, "mark", "x")._replace(role=EVIL),
        "title": event(0, "mark", "meta", command=EVIL, summary=EVIL),
        "table": event(1, "result", EVIL, **{EVIL: EVIL}),
        "counter": event(1, "count", EVIL, value=1),
    }[place]
    text = page(evil, *RUN)
    harmless = page(*RUN)
    assert text.count("<script") == harmless.count("<script") == 4
    assert text.count("</script>") == harmless.count("</script>")
    assert text.count("Apache License") == harmless.count("Apache License"), "nothing is filled in twice"
    assert data_of(text)
    assert "\x1b" not in text


@pytest.mark.thorough
def test_a_run_of_ten_thousand_items_fits(tmp_path):
    file = tmp_path / "run.html"
    run("prodcons", "--items", "10000", "--work", "0", "-q", "-o", str(file)).assert_clean(0)
    assert file.stat().st_size < 3_000_000
    assert len(data_of(file.read_text("utf-8"))["lanes"]) == 5


def test_an_empty_run():
    assert data_of(page())["lanes"] == []
