"""Leaving a run ends every process of the demo, however it is left."""

import contextlib
import os
import signal
import time

import pytest
from processes import processes, tree
from stages import FORK, Crowd, endless, names, reaped, settings, short_story, stay, until_all_are_here

from procdemo.demo.settings import StartMethod
from procdemo.runtime.runner import Runner


@pytest.mark.parametrize("deaf", [False, True], ids=["obedient", "deaf"])
def test_leaving_the_block_ends_everybody(start_method, deaf):
    config = Crowd(start_method=StartMethod(start_method), deaf=deaf)
    with Runner(endless, config) as stage:
        _, children = until_all_are_here(stage)
        everybody = {stage.pid, *children, *tree(os.getpid())}
    assert len(everybody) >= 3
    assert not everybody & processes().keys()


def test_an_exception_in_the_observer_ends_everybody():
    with pytest.raises(ZeroDivisionError), Runner(endless, Crowd()) as stage:  # noqa: PT012
        _, children = until_all_are_here(stage)
        raise ZeroDivisionError
    assert all(map(reaped, [stage.pid, *children]))


def test_stop_asks_and_the_run_may_say_goodbye():
    with Runner(endless, Crowd()) as stage:
        events, children = until_all_are_here(stage)
        stage.stop()
        rest = list(events)
    assert names(rest) == ["stopped", "summary"]
    assert rest[-1].data["ok"] is False
    assert all(map(reaped, children))


def unstoppable(config, emit):
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            emit.mark("here")
            while True:
                signal.pause()


def test_who_does_not_stop_in_time_is_killed():
    with Runner(unstoppable, FORK, patience=0.3) as stage:
        events = iter(stage)
        assert next(events).name == "here"
        stage.stop()
        at = time.monotonic()
        rest = list(events)
    assert 0.3 <= time.monotonic() - at < 2
    assert "SIGKILL" in rest[-1].data["reason"]


def test_children_that_ignore_sigterm_are_killed_when_the_main_process_stops(start_method):
    config = Crowd(start_method=StartMethod(start_method), deaf=True)
    with Runner(endless, config, patience=5) as stage:
        events, children = until_all_are_here(stage)
        stage.stop()
        at = time.monotonic()
        list(events)
        assert time.monotonic() - at < 2, "main kills its children itself, long before patience ends"
    assert all(map(reaped, children))


def test_a_stopped_main_process_can_be_stopped_all_the_same():
    with Runner(endless, Crowd()) as stage:
        events, children = until_all_are_here(stage)
        os.kill(stage.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, stage.pid, os.WSTOPPED | os.WNOWAIT)
        stage.stop()
        assert names(events) == ["stopped", "summary"]
    assert all(map(reaped, children))


def test_a_killed_main_process_gets_an_obituary(start_method):
    with Runner(endless, Crowd(start_method=StartMethod(start_method))) as stage:
        events, children = until_all_are_here(stage)
        os.kill(stage.pid, signal.SIGKILL)
        at = time.monotonic()
        *_, summary = events
    assert time.monotonic() - at < 1.5
    assert summary.name == "summary"
    assert summary.data["ok"] is False
    assert f"{stage.pid} was ended by SIGKILL" in summary.data["reason"]
    assert all(map(reaped, children))


def test_a_limit_ends_a_run_that_would_not_end():
    with Runner(endless, Crowd(), limit=0.3) as stage:
        events = list(stage)
    assert stage.timed_out
    assert events[-1].data["ok"] is False


def test_a_limit_is_not_noticed_by_a_run_in_time():
    with Runner(short_story, FORK, limit=30) as stage:
        events = list(stage)
    assert not stage.timed_out
    assert events[-1].data["ok"] is True


def leaving_children_behind(config, emit):
    for _ in range(2):
        config.context().Process(target=stay, args=(True, emit)).start()
    emit.result("summary", ok=True)


def test_a_run_that_forgets_to_join_ends_too(start_method):
    at = time.monotonic()
    with Runner(leaving_children_behind, settings(start_method)) as stage:
        events = list(stage)
        everybody = {event.pid for event in events}
    assert events[-1].data["ok"] is True
    assert not everybody & processes().keys()
    assert time.monotonic() - at < 5


def grandchild(emit):
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        emit.mark("here")
        while True:
            signal.pause()


def with_a_runaway(config, emit):
    child = config.context().Process(target=grandchild, args=(emit,))
    child.start()
    child.join()
    signal.pause()


def test_a_grandchild_in_a_session_of_its_own_does_not_escape(start_method):
    with Runner(with_a_runaway, settings(start_method)) as stage:
        runaway = next(event.pid for event in stage if event.name == "here")
    assert reaped(runaway)
