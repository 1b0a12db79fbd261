"""The lanes on the screen: only of several processes, in the colours of roles, up to a number of events."""

import pytest

from procdemo.demo.events import Event
from procdemo.demo.states import Activity
from procdemo.render.palette import LOOKS
from procdemo.render.role_colours import RoleColours
from procdemo.render.screen_lanes import ScreenLanes


def lines_of(events, *, plain=False):
    lanes = ScreenLanes({"@main": Activity.WAITS}, (), RoleColours(), plain=plain)
    for time_ns, role in enumerate(events, start=1):
        lanes(Event("mark", "tick", {}, time_ns * 1_000, len(role), len(role), role))
    return lanes.lines(len(events) * 1_000, 60)


def test_one_process_alone_has_no_lane():
    assert lines_of([]) == lines_of(["main"] * 3) == []


def test_a_name_has_the_colour_of_its_role_and_a_cell_that_of_its_state():
    main, worker, *_ = lines_of(["main", "worker-0", "worker-0"])
    assert main.plain.startswith("main ")
    head, *cells = worker.spans
    assert (head.start, head.style) == (0, RoleColours().of("worker-0"))
    assert {worker.plain[span.start] for span in cells} == {LOOKS[Activity.ACTIVE].glyph}
    assert {span.style for span in cells} == {LOOKS[Activity.ACTIVE].colour}


@pytest.mark.parametrize("plain", [False, True])
def test_the_last_line_says_that_not_all_events_are_remembered(plain):
    lines = [line.plain for line in lines_of(["main", "worker-0"] * 10_001, plain=plain)]
    assert "20,000 events" in lines[-1]
    assert max(map(len, lines)) <= 60
    assert not any("events" in line.plain for line in lines_of(["main", "worker-0"] * 9_999, plain=plain))


def test_helpers_of_multiprocessing_are_grey_and_shown_only_if_asked_for():
    told = {"cpu_ms": 0.0, "ready_ms": 0.0, "thread": "MainThread"}
    events = [
        Event("state", "waiting", told, 1, 7, 7, "main"),
        Event("state", "sleeping", told, 2, 8, 8, "child-0"),
        Event("state", "waiting", {**told, "helper": True}, 3, 9, 9, "fork server"),
    ]
    drawn = {}
    for helpers in (False, True):
        screen = ScreenLanes({}, (), RoleColours(), plain=False, helpers=helpers)
        for event in events:
            screen(event)
        drawn[helpers] = {line.plain.split("  ")[0]: line for line in screen.lines(1_000_000, 60)}
    assert "fork server" not in drawn[False]
    grey = drawn[True]["fork server"]
    assert {str(span.style) for span in grey.spans} == {"bright_black"}


def test_a_program_that_is_looked_at_has_a_lane_also_if_it_is_alone():
    told = {"cpu_ms": 0.0, "ready_ms": 0.0, "thread": "MainThread"}
    for announced, lines in ((True, 0), (False, 1)):
        screen = ScreenLanes({}, (), RoleColours(), plain=False)
        if announced:
            screen(Event("mark", "ready", {}, 1, 7, 7, "main"))
        screen(Event("state", "waiting", told, 1, 7, 7, "shows.py"))
        drawn = [line.plain for line in screen.lines(1_000_000, 60)]
        assert len([line for line in drawn if line.startswith("shows.py")]) == lines
