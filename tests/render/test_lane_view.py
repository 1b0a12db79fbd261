"""The lanes on the screen: of several processes only, in the colours of roles, as far as is remembered."""

import pytest

from procdemo.demo.events import Event
from procdemo.demo.states import Activity
from procdemo.render.lane_view import LaneView


def panorama(events, *, plain=False):
    drawn = LaneView({"@main": Activity.WAITS}, {"main": "bold", "worker-0": "red"}.get, plain=plain)
    for time_ns, role in enumerate(events, start=1):
        drawn(Event("mark", "tick", {}, time_ns * 1_000, len(role), len(role), role))
    return drawn.lines(len(events) * 1_000, 60)


def test_one_process_alone_has_no_lane():
    assert panorama([]) == panorama(["main"] * 3) == []


def test_who_is_at_work_has_the_colour_of_its_role():
    main, worker, *_ = panorama(["main", "worker-0", "worker-0"])
    assert main.plain.startswith("main ")
    assert {span.style for span in worker.spans} == {"red"}
    assert worker.plain[worker.spans[-1].start] == "█"


@pytest.mark.parametrize("plain", [False, True])
def test_it_says_when_it_does_not_remember_all(plain):
    lines = [line.plain for line in panorama(["main", "worker-0"] * 10_001, plain=plain)]
    assert "20,000 events" in lines[-1]
    assert max(map(len, lines)) <= 60
    assert not any("events" in line.plain for line in panorama(["main", "worker-0"] * 9_999, plain=plain))
