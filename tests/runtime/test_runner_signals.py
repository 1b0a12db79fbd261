"""Signals in a run: in the first instant of a child, during a fork, ignored from the start."""

import os
import signal
import sys
import threading
import weakref

import pytest
from processes import waits_in
from stages import (
    FORK,
    ManyProcesses,
    endless,
    events_of,
    names,
    reaped,
    settings,
    short_story,
    stay,
    until_all_are_here,
)
from time_limit import TimeLimit
from waiting import wait_until

from procdemo.demo.settings import StartMethod
from procdemo.runtime.runner import Runner


def fifty_terminated(config, emit):
    for _ in range(100):
        child = config.context().Process(target=stay, args=(False, emit))
        child.start()
        child.terminate()
        child.join()
        emit.mark("ended", exitcode=child.exitcode)
    emit.result("summary", ok=True)


def test_a_child_terminated_in_its_first_instant_dies_of_it():
    """It must not run the handler it inherits from its parent (RELIABILITY L10, L11)."""
    events = events_of(fifty_terminated)
    assert [event.data["exitcode"] for event in events if event.name == "ended"] == [-signal.SIGTERM] * 100
    assert not [event for event in events if event.name in {"error", "stderr", "stopped"}]


def forking_all_the_time(config, emit):
    emit.mark("here")
    while True:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)


class Thing:
    """An object that is garbage-collected."""


def stopped_while_forgetting(config, emit):
    def forget(_):
        emit.mark("forgetting")
        signal.pause()  # until asked to stop; the exception is lost, as any in such a callback

    thing = Thing()
    reference = weakref.ref(thing, forget)
    del thing
    emit.mark("goes on", forgotten=reference() is None)
    while True:
        signal.pause()


def test_a_request_to_stop_is_not_lost_where_exceptions_are():
    """The interpreter's imports have such callbacks (importlib._bootstrap, _get_module_lock)."""
    with Runner(stopped_while_forgetting, FORK, patience=5) as runner:
        events = iter(runner)
        assert next(events).name == "forgetting"
        runner.stop()
        limit = TimeLimit(2)
        assert names(events) in (["stopped", "summary"], ["goes on", "stopped", "summary"])
        assert not limit.passed, limit


def test_a_request_to_stop_is_not_lost_in_a_fork():
    """What arrives during fork() is handled in a hook of it, where exceptions are ignored."""
    for _ in range(20):
        with Runner(forking_all_the_time, FORK, patience=5) as runner:
            events = iter(runner)
            next(events)
            runner.stop()
            limit = TimeLimit(2)
            assert names(events) == ["stopped", "summary"]
            assert not limit.passed, limit


def stopped_while_elsewhere(config, emit):
    """The request comes to another thread: main's system call goes on, as if it had begun just after."""
    reader, _writer = os.pipe()
    threading.Thread(target=os.read, args=(reader, 1), daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    emit.mark("waits")
    os.read(reader, 1)


@pytest.mark.parametrize("listening", [True, False])
def test_a_request_to_stop_is_not_lost_before_a_system_call(listening, monkeypatch):
    monkeypatch.setattr("procdemo.runtime.runner._MAIN_S", 10.0)  # time for it also on a busy machine
    with Runner(stopped_while_elsewhere, FORK, patience=5) as runner:
        events = iter(runner)
        assert next(events).name == "waits"
        wait_until(lambda: "pipe" in waits_in(runner.pid), what="main in its system call")
        if listening:
            runner.stop()
            assert names(events) == ["stopped", "summary"]
    assert runner._children.status == 1  # by itself, and not by SIGKILL


def exit_code_of_a_child(config, emit):
    child = config.context().Process(target=sys.exit, args=(7,))
    child.start()
    child.join()
    emit.result("summary", ok=child.exitcode == 7)


def test_a_caller_that_ignores_sigchld_does_not_break_it(start_method):
    """Children of such a process are reaped by the kernel, and their exit codes lost (RELIABILITY L14)."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert events_of(exit_code_of_a_child, settings(start_method))[-1].data["ok"]
        with Runner(endless, ManyProcesses(start_method=StartMethod(start_method))) as runner:
            events, children = until_all_are_here(runner)
            os.kill(runner.pid, signal.SIGKILL)
            assert "SIGKILL" in list(events)[-1].data["reason"]
        assert all(map(reaped, children))
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_signals_sent_to_one_that_has_ended_are_no_error():
    with Runner(short_story, FORK) as runner:
        list(runner)
        runner.stop()
        runner.kill()
