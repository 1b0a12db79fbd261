"""The page is one file that asks nobody, and what the run says is data in it."""

import io
import json
import re

import pytest
from harness import run

from procdemo.events import Event
from procdemo.lanes import Doing
from procdemo.sinks.html import Html

EVIL = "</script><script>alert(1)</script><!-- @ECHARTS@ \u2028\x1b]0;PWN\x07"


def event(at, kind, name, pid=1, /, **data):
    return Event(kind, name, data, at * 1_000_000, pid, pid, f"worker-{pid}")


def page(*events):
    file = io.StringIO()
    file.close = lambda: None
    sink = Html(file, {"get": Doing.BLOCKED})
    for each in events:
        sink(each)
    sink.close()
    return file.getvalue()


def told(text):
    """Return the run that is in a page."""
    (found,) = re.findall(r'<script type="application/json" id="run">(.*)</script>', text)
    return json.loads(found)


def meant(run, stroke, place):
    """Return a stroke with the name and the data that its kind, at `place`, gives to its values."""
    name, *keys = run["kinds"][stroke[place]]
    return [*stroke[:place], name, dict(zip(keys, stroke[place + 1 :], strict=True))]


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
    run = told(page(*RUN))
    assert (run["title"], run["us"]) == ("prodcons - Buns.", 10_000)
    assert run["about"] == "Python 3.11.2, start method fork, 2 usable CPUs"
    assert [(lane["role"], lane["pid"]) for lane in run["lanes"]] == [("worker-1", 1), ("worker-2", 2)]
    since, state = run["lanes"][1]["changes"][0]
    assert (since, run["states"][state]) == (1000, ["blocked", "blocked: queue full or empty"])
    (bar,) = run["lanes"][1]["bars"]
    assert meant(run, bar, 2) == [1000, 4000, "get", {"ms": 3}]
    (mark,) = run["lanes"][0]["marks"]
    assert meant(run, mark, 1) == [6000, "tick", {"x": "y"}]
    (arrow,) = run["arrows"]
    assert meant(run, arrow, 4) == [0, 3000, 1, 4000, "bun", {"id": 1}]
    assert run["counters"] == [{"name": "depth", "values": [[5000, 2]]}]
    assert list(run["tables"]) == ["rows", "summary"]


def test_more_than_can_be_drawn_is_left_out_and_said():
    busy = [event(2 * at, kind, "get") for at in range(1, 11_001) for kind in ("begin", "end")]
    run = told(page(*(each._replace(time_ns=each.time_ns + (each.kind == "end")) for each in busy)))
    (lane,) = run["lanes"]
    assert len(lane["changes"]) == 20_000
    assert lane["until"] < run["us"]
    assert run["note"].endswith("strokes are left out: more than can be drawn.")


def test_it_asks_nobody():
    text = page(*RUN)
    assert "default-src 'none'" in text
    assert not re.findall(r'(?:src|href)="(?!data:)[^"]+"', text.partition('id="run"')[0])
    assert "Apache" in text, "the licence is in the page"
    assert "@media print" in text


@pytest.mark.parametrize("place", ["name", "key", "value", "role", "title", "table", "counter"])
def test_what_the_run_says_is_data(place):
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
    assert told(text)
    assert "\x1b" not in text


def test_a_run_of_ten_thousand_items_fits(tmp_path):
    file = tmp_path / "run.html"
    run("prodcons", "--items", "10000", "--work", "0", "-q", "-o", str(file)).assert_clean(0)
    assert file.stat().st_size < 3_000_000
    assert len(told(file.read_text("utf-8"))["lanes"]) == 5


def test_an_empty_run():
    assert told(page())["lanes"] == []
