"""Lanes and counters are made from the events of a run."""

import importlib

import pytest
from harness import run
from selection import some_of

from procdemo.catalog import DEMOS
from procdemo.demo.events import EXITED, Event
from procdemo.demo.states import Activity
from procdemo.demo.story import compose
from procdemo.render.timeline import Counter, counters, lanes

ACTIVE, WAITS, BLOCKED, GONE = Activity.ACTIVE, Activity.WAITS, Activity.BLOCKED, Activity.GONE
STATES = {"get": BLOCKED, "joins": WAITS, "@worker": WAITS}


def event(at, kind, name, role="child-0", pid=42, *, tid=0, **data):
    return Event(kind, name, data, at, pid, tid or pid, role)


def changes(*events):
    (lane,) = lanes(events, STATES)
    return lane.changes


def test_outside_all_spans_the_role_gives_the_state():
    assert changes(event(1, "mark", "ready", "worker-3")) == [(1, WAITS)]
    assert changes(event(1, "mark", "ready", "child-3"), event(2, "mark", "x", "child-3"))[0] == (1, ACTIVE)


def test_a_span_gives_the_state():
    events = [event(1, "mark", "x"), event(2, "begin", "get"), event(5, "end", "get"), event(9, "mark", "y")]
    assert changes(*events) == [(1, ACTIVE), (2, BLOCKED), (5, ACTIVE), (9, GONE)]


def test_the_innermost_span_counts():
    events = [
        event(1, "begin", "joins"),
        event(2, "begin", "work"),
        event(3, "begin", "get"),
        event(4, "end", "get"),
        event(5, "end", "work"),
    ]
    assert changes(*events) == [(1, WAITS), (2, ACTIVE), (3, BLOCKED), (4, ACTIVE), (5, WAITS)]


def test_of_its_threads_the_busiest_counts():
    events = [event(1, "begin", "joins"), event(2, "begin", "work", tid=43), event(4, "end", "work", tid=43)]
    assert changes(*events) == [(1, WAITS), (2, ACTIVE), (4, WAITS)]


def test_spans_that_overlap_are_ended_by_name():
    events = [
        event(1, "begin", "get"),
        event(2, "begin", "joins"),
        event(3, "end", "get"),
        event(4, "end", "joins"),
    ]
    assert changes(*events) == [(1, BLOCKED), (2, WAITS), (4, ACTIVE), (4, GONE)]


def test_an_end_without_a_begin_changes_nothing():
    assert changes(event(1, "end", "get", "worker-0")) == [(1, WAITS)]


def test_a_process_that_still_waits_at_the_end_has_a_lane_to_the_end():
    events = [event(1, "begin", "work", "worker-0"), event(2, "end", "work", "worker-0")]
    assert changes(*events) == [(1, ACTIVE), (2, WAITS)]


def test_main_is_there_to_the_end():
    assert changes(event(1, "mark", "x", "main"), event(2, "mark", "y", "main")) == [(1, ACTIVE)]


@pytest.mark.parametrize("exitcode", [0, 1, -9, None])
def test_a_lane_ends_at_the_exit_that_another_process_reports(exitcode):
    exited = event(5, "mark", EXITED, "main", 1, child_pid=42, exitcode=exitcode)
    main, worker = lanes([event(1, "mark", "ready", "worker-0"), exited], STATES)
    assert main.pid == 1
    assert worker.changes == [(1, WAITS), (5, GONE)]


@pytest.mark.parametrize("key", ["child_pid", "worker_pid"])
def test_no_other_event_ends_a_lane(key):
    lost = event(5, "mark", "worker lost", "main", 1, **{key: 42}, cause="killed by SIGKILL", exitcode=-9)
    _, worker = lanes([event(1, "mark", "ready", "worker-0"), lost], STATES)
    assert worker.changes == [(1, WAITS)]


def test_a_child_that_is_only_mentioned_lives():
    events = event(5, "mark", "started", "main", 1, child_pid=42, exitcode=None)
    _, worker = lanes([event(1, "mark", "ready", "worker-0"), events], STATES)
    assert worker.changes == [(1, WAITS)]


def test_an_event_that_comes_after_the_exit_changes_nothing():
    died = event(5, "mark", EXITED, "main", 1, child_pid=42, exitcode=-9)
    late = event(6, "begin", "work", "worker-0")
    assert lanes([event(1, "mark", "ready", "worker-0"), died, late], STATES)[1].changes[-1] == (5, GONE)


def test_events_that_arrive_late_are_put_in_order():
    assert changes(event(5, "end", "get"), event(2, "begin", "get"), event(1, "mark", "x"))[:2] == [
        (1, ACTIVE),
        (2, BLOCKED),
    ]


def test_main_first_then_families_as_they_came_each_by_number():
    roles = ["worker-10", "client-1", "worker-2", "main", "client-0"]
    events = [event(at, "mark", "x", role, pid=at + 1) for at, role in enumerate(roles)]
    assert [lane.role for lane in lanes(events, {})] == [
        "main",
        "worker-2",
        "worker-10",
        "client-0",
        "client-1",
    ]


def test_faults_and_results_make_no_lane():
    events = [event(1, "mark", "fault", "observer", 7), event(2, "result", "summary", "main", 1)]
    assert lanes(events, {}) == []


def test_shares_of_a_span():
    (lane,) = lanes([event(10, "begin", "get"), event(30, "end", "get"), event(50, "mark", "x")], STATES)
    assert lane.shares(0, 60) == {BLOCKED: 20, ACTIVE: 20, GONE: 10}
    assert lane.shares(20, 40) == {BLOCKED: 10, ACTIVE: 10}
    assert lane.shares(0, 10) == {}


def test_counters_without_those_of_progress():
    events = [
        event(2, "count", "depth", value=3),
        event(1, "count", "depth", value=1),
        event(3, "count", "p", value=1, total=9),
    ]
    assert counters(events) == [Counter("depth", [(1, 1), (2, 3)])]


# --- the lanes of the demos


BOTH = {ACTIVE, WAITS}
SHOWN = {
    "prodcons": (
        "--items 8 --maxsize 2 --consumers 1 --work 0.02",
        {"producer": {BLOCKED}, "consumer": {ACTIVE}},
    ),
    "pool-server": (
        "--port 0 --workers 2 --clients 3 --stay 0.2",
        {"client": {WAITS}, "worker": BOTH, "main": {WAITS}},
    ),
    "supervise": ("--items 8 --work 0.02 -n 2", {"worker": BOTH, "main": {WAITS}}),
    "crawl-callback": ("--max-pages 5", {"worker": BOTH, "main": {WAITS}}),
    "spawn": ("--work 0.05", {"child": {ACTIVE}, "main": {WAITS}}),
    "race": ("", {"A": {WAITS}, "main": {WAITS}}),
    "gil": ("--seconds 0.05", {"worker": BOTH, "main": {ACTIVE}}),
    "echo-server": ("--port 0 --clients 2 --stay 0.1", {"client": {WAITS}, "handler": {ACTIVE}}),
    "thread-server": ("--port 0 --clients 2 --stay 0.1", {"client": {WAITS}, "main": {WAITS}}),
    "async-server": ("--port 0 --clients 2 --stay 0.1", {"client": {WAITS}, "main": {WAITS}}),
    "prefork-server": ("--port 0 --workers 2 --clients 3 --stay 0.2", {"client": {WAITS}, "worker": BOTH}),
    "selector-server": (
        "--port 0 --workers 1 --clients 2 --stay 0.1",
        {"client": {WAITS}, "worker": {WAITS}},
    ),
}


@pytest.mark.parametrize(
    "demo",
    some_of(demo for demo in DEMOS if demo.starts_processes and not demo.path),
    ids=lambda demo: demo.name,
)
def test_the_demos_make_waiting_visible(demo):
    args, expected = SHOWN[demo.name]
    result = run(demo.name, "--json", *args.split()).assert_clean(0)
    states = compose(importlib.import_module(demo.module)).lanes
    found = {}
    for lane in lanes(result.events, states):
        family = lane.role.rstrip("0123456789").rstrip("-")
        found.setdefault(family, set()).update(doing for _, doing in lane.changes)
    for family, doing in expected.items():
        assert doing <= found[family], (family, found)


def test_a_new_interpreter_starts_until_its_first_event(start_method):
    result = run("prodcons", "--items", "4", "--work", "0", "--json", start_method=start_method)
    result.assert_clean(0)
    meta = result.named("meta")[0]
    (main, *others) = lanes(result.events, {})
    assert main.changes[0][1] is ACTIVE
    for lane in others:
        born_ns, first = lane.changes[0]
        assert (first is Activity.STARTS) == (start_method != "fork")
        if first is Activity.STARTS:
            said_ns, second = lane.changes[1]
            assert second is not Activity.STARTS
            assert meta.time_ns - 10_000_000 <= born_ns < said_ns
            assert said_ns == min(
                event.time_ns for event in result.events if event.pid == lane.pid and event.name != "starts"
            )
