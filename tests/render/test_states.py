"""Events of kind `state` change nothing on the screen, on the page and in the trace; JSON Lines have them."""

import io
import json

from procdemo.demo.events import Event
from procdemo.render.console import Console
from procdemo.render.html import Html
from procdemo.render.jsonl import JsonLines
from procdemo.render.perfetto import Perfetto
from procdemo.render.svg import Svg, screen
from procdemo.render.timeline import lanes

MS = 1_000_000
META = Event("mark", "meta", {"command": "spawn", "summary": "S", "config": {}}, MS, 42, 42, "main")
STORY = [
    META,
    Event("begin", "work", {}, 5 * MS, 43, 43, "child-0"),
    Event("end", "work", {}, 20 * MS, 43, 43, "child-0"),
    Event("result", "summary", {"ok": True}, 30 * MS, 42, 42, "main"),
]
TIMES = {"call": "read", "cpu_ms": 1.5, "ready_ms": 0.0, "thread": "MainThread", "ppid": 42}
STATE = Event("state", "waiting", TIMES, 2 * MS, 44, 44, "resource tracker")
WITH_STATES = [META, STATE, STORY[1], STATE._replace(name="gone", time_ns=40 * MS), *STORY[2:]]


def drawn(make, events):
    file = io.StringIO()
    renderer = make(file)
    for event in events:
        renderer(event)
    renderer.close()
    return file.getvalue()


def picture(file):
    terminal = screen()
    return Svg(file, terminal, Console({"work.begin": "works"}, everything=True, screen=terminal))


def test_no_picture_has_them_yet():
    for make in (Perfetto, lambda file: Html(file, {}), picture):
        assert drawn(make, WITH_STATES) == drawn(make, STORY)
    assert lanes(WITH_STATES, {}) == lanes(STORY, {})


def test_json_lines_have_them_whole():
    told = [json.loads(line) for line in drawn(JsonLines, WITH_STATES).splitlines()]
    assert Event(**told[1]) == STATE
    assert len(told) == len(WITH_STATES)
