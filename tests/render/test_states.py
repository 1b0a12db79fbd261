"""Events of kind `state` are lanes on the screen and on the page, never lines; JSON Lines have them whole."""

import io
import json

from procdemo.demo.events import Event
from procdemo.demo.states import State
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
STATE = Event("state", "waiting", TIMES, 2 * MS, 44, 44, "bzip2")
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


def test_they_make_a_lane_of_a_process_that_no_event_of_the_demo_announces():
    known, new = lanes(STORY, {}), lanes(WITH_STATES, {})
    assert [lane for lane in new if lane.pid != STATE.pid] == known
    (lane,) = (each for each in new if each.pid == STATE.pid)
    assert lane.role == STATE.role
    assert lane.changes == [(STATE.time_ns, State.WAITING), (40 * MS, State.GONE)]


def test_the_screen_and_the_page_have_the_lane_and_no_line():
    for make in (lambda file: Html(file, {}), picture):
        with_states, without = drawn(make, WITH_STATES), drawn(make, STORY)
        assert STATE.role in with_states
        assert STATE.role not in without
        assert STATE.data["thread"] not in with_states


def test_the_trace_has_none_yet():
    assert drawn(Perfetto, WITH_STATES) == drawn(Perfetto, STORY)


def test_json_lines_have_them_whole():
    told = [json.loads(line) for line in drawn(JsonLines, WITH_STATES).splitlines()]
    assert Event(**told[1]) == STATE
    assert len(told) == len(WITH_STATES)
