"""Below the lanes it says which parent did not wait for a zombie, and which has left an orphan."""

import pytest
from stages import FORK, events_of

from procdemo.demo.events import Event
from procdemo.process import procfs
from procdemo.render.lane_chart import Window, chart
from procdemo.render.timeline import lanes

MS = 1_000_000


def told(at, state, pid, role, ppid, **data):
    data = {"call": "", "cpu_ms": 0.0, "ready_ms": 0.0, "thread": "MainThread", "ppid": ppid, **data}
    return Event("state", state, data, at * MS, pid, pid, role)


def said(events, *, end=1000, width=80, helpers=False):
    rows = chart(lanes(events, {}, helpers=helpers), [], Window(0, end * MS), width, plain=False)
    return [row.cells for row in rows if not row.head][1:]


MAIN = told(0, "waiting", 10, "main", 1)


def child(number, *states, ppid=10, **data):
    pid, role = 20 + number, f"child-{number}"
    return [told(at, state, pid, role, ppid, **data) for at, state in states]


ENDED = ((0, "computing"), (300, "zombie"), (900, "gone"))


def test_a_zombie_has_a_parent_that_did_not_wait():
    assert said([MAIN, *child(0, *ENDED)]) == ["main (PID 10) did not wait for child-0 (PID 20): a zombie"]


def test_several_of_one_parent_have_one_line():
    events = [MAIN, *child(0, *ENDED), *child(1, *ENDED), *child(2, *ENDED)]
    assert said(events) == ["main (PID 10) did not wait for child-0 (PID 20) and 2 more: zombies"]


@pytest.mark.parametrize(("ms", "end"), [(99, 1000), (100, 100_000)], ids=["short", "no cell shows it"])
def test_that_a_parent_waits_a_little_later_is_not_told(ms, end):
    events = [MAIN, *child(0, (0, "computing"), (300, "zombie"), (300 + ms, "gone"))]
    assert said(events, end=end) == []


@pytest.mark.parametrize("helpers", [False, True])
def test_a_parent_without_a_lane_has_its_name_too(helpers):
    server = told(0, "waiting", 15, "fork server", 10, helper=True)
    (line,) = said([MAIN, server, *child(0, *ENDED, ppid=15)], helpers=helpers)
    assert line == "fork server (PID 15) did not wait for child-0 (PID 20): a zombie"
    (line,) = said([MAIN, *child(0, *ENDED, ppid=99)])
    assert line == "PID 99 did not wait for child-0 (PID 20): a zombie"


def test_an_orphan_had_a_parent():
    grandchild = [
        told(0, "sleeping", 30, "child 30", 20),
        told(400, "sleeping", 30, "child 30", 5, orphan=True),
    ]
    (line,) = said([MAIN, *child(0, (0, "computing"), (400, "gone")), *grandchild])
    assert line == "child-0 (PID 20) ended before child 30: an orphan"
    (line,) = said([MAIN, grandchild[1]])
    assert line == "a process that was not seen ended before child 30: an orphan"


def test_a_helper_that_ends_last_is_no_orphan():
    tracker = [
        told(at, "waiting", 9, "resource tracker", 10 if at < 900 else 5, helper=True, orphan=at >= 900)
        for at in (0, 900)
    ]
    assert said([MAIN, told(0, "waiting", 11, "child-0", 10), *tracker], helpers=True) == []


def test_many_parents_are_counted_and_no_line_is_too_wide():
    events = [MAIN]
    for number in range(6):
        events += child(number, *ENDED, ppid=100 + number)
    lines = said(events, width=40)
    assert max(map(len, lines)) <= 40
    assert lines[-1] == "... and 3 more parents of zombies"


# --- a real run


def leave(config, emit):
    """Leave a zombie, and an orphan whose parent no event announces."""
    context = config.context()
    ends, keeps_open = context.Pipe()
    parent = context.Process(target=_start_another, args=(ends, keeps_open))
    parent.start()
    keeps_open.close()
    zombie = context.Process(target=emit.mark, args=("ends",), name="child-0")
    zombie.start()  # the last one: `start` waits for those that have ended
    grandchild = ends.recv()
    emit.mark("started", grandchild=grandchild)
    while (found := procfs.stat(grandchild)) and found.parent == parent.pid:
        pass
    emit.mark("orphaned")
    for _ in range(8):  # for some looks, also if the machine stands still for a moment
        ends.poll(0.05)  # nothing comes
    ends.close()  # so the orphan ends
    zombie.join()
    parent.join()
    emit.result("summary", ok=True)


def _start_another(ends, keeps_open):
    import os  # noqa: PLC0415

    if os.fork() == 0:
        ends.close()
        keeps_open.send(os.getpid())
        try:
            keeps_open.recv()
        except EOFError:
            os._exit(0)


@pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")
def test_of_a_run():
    events = events_of(leave, FORK, sample=True)
    (started,) = (event for event in events if event.name == "started")
    grandchild = started.data["grandchild"]
    drawn = {lane.role: lane for lane in lanes(events, {})}
    assert drawn["child-0"].zombie_of == drawn["main"].name
    assert f"child {grandchild}" in drawn, "nothing announced it, and it has a lane"
    end_ns = max(event.time_ns for event in events)
    rows = chart([*drawn.values()], [], Window(events[0].time_ns, end_ns), 80, plain=False)
    text = "\n".join(row.cells for row in rows if not row.head)
    assert f"ended before child {grandchild}: an orphan" in text
