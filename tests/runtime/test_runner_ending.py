"""If the command leaves a run, every process of the demo ends, however it is left."""

import contextlib
import os
import signal
import time
from dataclasses import replace

import pytest
from processes import processes, tree
from stages import (
    FORK,
    ManyProcesses,
    endless,
    names,
    reaped,
    settings,
    short_story,
    stay,
    until_all_are_here,
)
from time_limit import TimeLimit

from procdemo.demo.settings import StartMethod
from procdemo.runtime.runner import Runner


@pytest.mark.parametrize("deaf", [False, True], ids=["obedient", "deaf"])
def test_leaving_the_block_ends_every_process(start_method, deaf):
    config = ManyProcesses(start_method=StartMethod(start_method), deaf=deaf)
    with Runner(endless, config) as runner:
        _, children = until_all_are_here(runner)
        members = {runner.pid, *children, *tree(os.getpid())}
    assert len(members) >= 3
    assert not members & processes().keys()


def test_an_exception_in_the_command_ends_every_process():
    with pytest.raises(ZeroDivisionError), Runner(endless, ManyProcesses()) as runner:  # noqa: PT012
        _, children = until_all_are_here(runner)
        raise ZeroDivisionError
    assert all(map(reaped, [runner.pid, *children]))


def test_a_stopped_run_may_report_its_end():
    with Runner(endless, ManyProcesses()) as runner:
        events, children = until_all_are_here(runner)
        runner.stop()
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


def test_a_run_that_does_not_stop_in_time_is_killed():
    with Runner(unstoppable, FORK, patience=0.3) as runner:
        events = iter(runner)
        assert next(events).name == "here"
        runner.stop()
        at, limit = time.monotonic(), TimeLimit(2)
        rest = list(events)
    assert time.monotonic() >= at + 0.3
    assert not limit.passed, limit
    assert "SIGKILL" in rest[-1].data["reason"]


def test_children_that_ignore_sigterm_are_killed_when_the_main_process_stops(start_method):
    config = ManyProcesses(start_method=StartMethod(start_method), deaf=True)
    with Runner(endless, config, patience=5) as runner:
        events, children = until_all_are_here(runner)
        runner.stop()
        limit = TimeLimit(2)
        list(events)
        assert not limit.passed, "main kills its children itself, long before patience ends"
    assert all(map(reaped, children))


def test_a_stopped_main_process_can_be_stopped_all_the_same():
    with Runner(endless, ManyProcesses()) as runner:
        events, children = until_all_are_here(runner)
        os.kill(runner.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, runner.pid, os.WSTOPPED | os.WNOWAIT)
        runner.stop()
        assert names(events) == ["stopped", "summary"]
    assert all(map(reaped, children))


@pytest.mark.core
def test_a_killed_main_process_gets_a_summary(start_method):
    with Runner(endless, ManyProcesses(start_method=StartMethod(start_method))) as runner:
        events, children = until_all_are_here(runner)
        os.kill(runner.pid, signal.SIGKILL)
        limit = TimeLimit(1.5)
        *_, summary = events
    assert not limit.passed, limit
    assert summary.name == "summary"
    assert summary.data["ok"] is False
    assert f"{runner.pid} was ended by SIGKILL" in summary.data["reason"]
    assert all(map(reaped, children))


def test_a_limit_ends_a_run_that_would_not_end():
    with Runner(endless, ManyProcesses(), limit=0.3) as runner:
        events = list(runner)
    assert runner.timed_out
    assert events[-1].data["ok"] is False


def test_a_limit_is_not_noticed_by_a_run_in_time():
    with Runner(short_story, FORK, limit=30) as runner:
        events = list(runner)
    assert not runner.timed_out
    assert events[-1].data["ok"] is True


def leaving_children_behind(config, emit):
    for _ in range(2):
        config.context().Process(target=stay, args=(True, emit)).start()
    emit.result("summary", ok=True)


def test_a_run_that_forgets_to_join_ends_too(start_method):
    limit = TimeLimit(5)
    with Runner(leaving_children_behind, settings(start_method)) as runner:
        events = list(runner)
        members = {event.pid for event in events}
    assert events[-1].data["ok"] is True
    assert not members & processes().keys()
    assert not limit.passed, limit


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
    with Runner(with_a_runaway, settings(start_method)) as runner:
        runaway = next(event.pid for event in runner if event.name == "here")
    assert reaped(runaway)


def count_and_stay(config, emit):
    if config.verbose:
        emit.count("items", 3, total=9)
    emit.mark("here")
    while True:
        signal.pause()


@pytest.mark.parametrize(("verbose", "how"), [(1, "3 of 9 done"), (0, "not finished")])
def test_a_run_that_is_asked_to_stop_is_interrupted_and_has_not_failed(verbose, how):
    with Runner(count_and_stay, replace(FORK, verbose=verbose)) as runner:
        for event in (events := iter(runner)):
            if event.name == "here":
                runner.stop()
                break
        *_, summary = events
    assert summary.data == {"ok": False, "outcome": "interrupted", "reason": f"interrupted: {how}"}


def test_an_error_is_the_reason_also_if_main_was_asked_to_stop_because_of_it():
    with Runner(count_and_stay, FORK) as runner:
        for event in (events := iter(runner)):
            if event.name == "here":
                os.kill(runner._guardian.pid, signal.SIGKILL)
                break
        *_, summary = events
    assert "guardian" in summary.data["reason"]
    assert "outcome" not in summary.data
