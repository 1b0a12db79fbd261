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


def of_program(at, role, pid, ppid):
    return report(at, WAITING, pid=pid, role=role, ppid=ppid)


def test_programs_that_no_demo_has_announced_are_drawn_each_with_the_processes_below_it():
    events = [
        of_program(0, "broken.py", 50, 5),
        of_program(1, "child 51", 51, 50),
        of_program(2, "child 52", 52, 51),
        of_program(3, "fixed.py", 60, 6),
        of_program(4, "child 49", 49, 60),  # numbers are used again
        of_program(5, "child 61", 61, 49),
        of_program(6, "child 52", 52, 1),  # its parent has ended
    ]
    drawn = lanes(events, {})
    assert [lane.pid for lane in drawn] == [50, 51, 52, 60, 49, 61]
    assert all(lane.program for lane in drawn)


def test_what_a_demo_starts_without_a_word_stays_with_the_demo():
    said = Event("mark", "ready", {}, 0, 10, 10, "worker-0")
    events = [said, of_program(0, "sh", 11, 10), of_program(1, "worker-0", 10, 1), of_program(2, "x", 9, 11)]
    drawn = lanes(events, {})
    assert [(lane.pid, lane.program) for lane in drawn] == [(10, False), (11, True), (9, True)]


@pytest.mark.parametrize("parents", [(1, 1), (2, 1), ("x", []), (None, 2)])
def test_parents_of_any_kind_make_no_circle(parents):
    events = [of_program(pid, f"child {pid}", pid, ppid) for pid, ppid in enumerate(parents, start=1)]
    assert sorted(lane.pid for lane in lanes(events, {})) == [1, 2]


def test_a_process_that_looks_at_others_has_no_lane():
    begins = Event("mark", "meta", {}, 0, 7, 7, "main")
    tells = Event("begin", "script", {}, 1, 7, 7, "observer")
    assert [lane.pid for lane in lanes([begins, tells, of_program(2, "shows.py", 8, 7)], {})] == [8]


def test_threads_of_processes_that_are_named_by_their_numbers():
    events = [report(0, WAITING, role="child 10"), report(0, BLOCKED, role="child 10", tid=11)]
    assert [lane.tid for lane in lanes(events, {}, {"child"})] == [10, 11]


@pytest.mark.parametrize(
    ("told", "own", "shown"),
    [
        ("", "", "thread 2"),
        ("", "reader", "reader"),
        ("", "Thread-1 (handl", "handl"),
        ("Thread-3 (_handle_results)", "", "_handle_results"),
        ("thread-0", "reader", "thread-0"),
        (["x"], "", "thread 2"),
    ],
    ids=str,
)
def test_a_lane_has_the_name_of_its_thread(told, own, shown):
    events = [
        report(0, WAITING, role="main"),
        report(0, WAITING, tid=11, role="main", thread="thread 2", **({"name": own} if own else {})),
        Event("begin", "serve", {"thread": told} if told else {}, 1, 10, 11, "main"),
    ]
    assert [lane.thread for lane in lanes(events, {}, {"main"})] == ["", shown]
