"""The kernel's reports become the states of processes and threads: exact shares, no thread forgotten."""

import pytest

from procdemo.demo.events import Event
from procdemo.demo.states import Activity, State
from procdemo.render.kernel_lanes import states_by_process
from procdemo.render.timeline import lanes

MS = 1_000_000
COMPUTING, READY, WAITING, BLOCKED, GONE = (
    State.COMPUTING,
    State.READY,
    State.WAITING,
    State.BLOCKED,
    State.GONE,
)


def report(at, state, *, pid=10, tid=0, role="worker-0", cpu=0.0, ready=0.0, **data):
    told = {"cpu_ms": cpu, "ready_ms": ready, "thread": "MainThread", **data}
    return Event("state", str(state), told, at * MS, pid, tid or pid, role)


def changes(*reports):
    (found,) = states_by_process(reports).values()
    return [(at // MS, state) for at, state in found.changes]


def test_a_report_counts_until_the_next():
    assert changes(report(0, COMPUTING), report(30, WAITING, cpu=30), report(90, GONE)) == [
        (0, COMPUTING),
        (30, WAITING),
        (90, GONE),
    ]


def test_the_order_in_which_they_come_does_not_matter():
    assert changes(report(30, WAITING, cpu=30), report(0, COMPUTING)) == [(0, COMPUTING), (30, WAITING)]


@pytest.mark.parametrize(
    ("shares", "most"),
    [
        ({"cpu": 60}, COMPUTING),
        ({"ready": 60}, READY),
        ({"also_ms": {"blocked": 60}}, BLOCKED),
        ({"cpu": 30}, WAITING),
    ],
)
def test_a_piece_has_the_state_of_most_of_its_time(shares, most):
    assert changes(report(0, WAITING), report(100, GONE, **shares)) == [(0, most), (100, GONE)]


def test_a_gap_is_blank_unless_it_had_a_cpu_for_most_of_it():
    gap = [report(0, WAITING), report(20, State.UNSEEN)]
    assert changes(*gap, report(100, WAITING, cpu=30)) == [(0, WAITING), (20, State.UNSEEN), (100, WAITING)]
    assert changes(*gap, report(100, WAITING, cpu=50)) == [(0, WAITING), (20, COMPUTING), (100, WAITING)]


def test_threads_that_share_a_cpu_are_a_process_that_computes():
    one = [report(0, BLOCKED), report(100, BLOCKED, cpu=45)]
    other = [report(0, BLOCKED, tid=11), report(100, BLOCKED, tid=11, cpu=45)]
    assert changes(*one) == [(0, BLOCKED)]
    assert changes(*one, *other)[0] == (0, COMPUTING)


def test_threads_that_want_a_cpu_are_a_process_that_is_ready():
    some = [report(at, WAITING, tid=tid, ready=at * 0.3) for tid in (10, 11) for at in (0, 100)]
    assert changes(*some)[0] == (0, READY)


def test_otherwise_its_main_thread_counts():
    idle = [report(0, BLOCKED, tid=tid) for tid in (11, 12, 13)]
    assert changes(report(0, WAITING), *idle) == [(0, WAITING)]


@pytest.mark.parametrize("state", [State.STARTING, State.STOPPED, State.ZOMBIE, State.GONE])
def test_what_holds_for_the_whole_process_is_said(state):
    busy = [report(0, COMPUTING, tid=11), report(100, COMPUTING, tid=11, cpu=100)]
    assert changes(report(0, state), *busy)[0] == (0, state)


def test_a_thread_that_has_ended_counts_no_more():
    thread = [report(0, COMPUTING, tid=11), report(50, GONE, tid=11, cpu=50)]
    assert changes(report(0, WAITING), *thread) == [(0, COMPUTING), (50, WAITING)]


def mark(at, name="tick", *, pid=10, tid=0, role="worker-0"):
    return Event("mark", name, {}, at * MS, pid, tid or pid, role)


def test_state_from_the_kernel_and_ticks_from_the_story():
    begin, end = (mark(at, "work")._replace(kind=kind) for at, kind in ((10, "begin"), (20, "end")))
    (lane,) = lanes([report(0, WAITING), begin, end], {"work": Activity.BLOCKED})
    assert lane.sampled
    assert lane.changes == [(0, WAITING)]
    assert lane.ticks == [10 * MS, 20 * MS]


def test_a_process_that_announces_itself_later_keeps_one_lane():
    (lane,) = lanes([report(0, State.STARTING, role="python"), mark(10, role="child-0")], {})
    assert lane.role == "child-0"


def test_a_process_that_no_event_announces_has_a_lane_and_a_helper_has_none():
    events = [
        report(0, WAITING),
        report(0, WAITING, pid=20, role="sh"),
        report(0, WAITING, pid=30, role="fork server", helper=True),
    ]
    assert [lane.pid for lane in lanes(events, {})] == [10, 20]
    assert [(lane.pid, lane.helper) for lane in lanes(events, {}, helpers=True)] == [
        *((10, False), (20, False), (30, True)),
    ]


def test_where_one_could_not_look_the_demo_is_believed():
    said, seen = lanes(
        [report(0, WAITING), mark(0, pid=20, role="worker-0@far")], {"@worker": Activity.WAITS}
    )
    assert (seen.sampled, said.sampled) == (True, False)
    assert said.changes == [(0, Activity.WAITS)]


def test_threads_have_lanes_where_they_are_the_lesson():
    events = [
        report(0, WAITING, role="main"),
        report(5, COMPUTING, tid=11, role="main", thread="thread 2"),
        mark(7, tid=11, role="main"),
    ]
    main, thread = lanes(events, {}, {"main"})
    assert (main.role, main.thread, main.tid, main.changes) == ("main", "", 10, [(0, WAITING)])
    assert (thread.role, thread.thread, thread.tid, thread.ticks) == ("main", "thread 2", 11, [7 * MS])
    assert len(lanes(events, {})) == 1


@pytest.mark.parametrize(
    ("threads", "last"), [(12, "thread 12"), (13, "and 1 more"), (2000, "and 1,988 more")]
)
def test_of_many_threads_twelve_have_lanes(threads, last):
    events = [report(0, WAITING, tid=10 + n, role="main", thread=f"thread {n + 1}") for n in range(threads)]
    drawn = lanes(events, {}, {"main"})
    assert len(drawn) == min(threads, 13)
    assert (drawn[-1].thread, drawn[-1].more) == (last, max(threads - 12, 0))
