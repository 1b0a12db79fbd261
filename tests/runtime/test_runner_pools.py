"""A run ends, and leaves no file, though its queue is full, its Pool is broken, or its manager waits."""

import multiprocessing
import os
import select
import signal
import socket
import subprocess
import sys
from multiprocessing import reduction
from pathlib import Path

import pytest
from stages import events_of, names, settings, until_all_are_here
from time_limit import TimeLimit

from procdemo.runtime.runner import Runner

# --- a queue without a reader


def leaving_with_a_full_queue(config, emit):
    queue = config.context().Queue()
    queue.put(b"x" * 10_000_000)  # no process will ever read it, and the queue waits for that at exit
    emit.mark("leaving")


def raising_with_a_full_queue(config, emit):
    leaving_with_a_full_queue(config, emit)
    raise ZeroDivisionError


@pytest.mark.parametrize("run", [leaving_with_a_full_queue, raising_with_a_full_queue])
def test_an_exit_that_hangs_is_ended(run):
    """multiprocessing joins the feeder thread of a queue when a process leaves: for ever, here."""
    limit = TimeLimit(5)
    events = events_of(run, patience=0.5)
    assert not limit.passed, limit
    assert events[0].name == "leaving"
    assert events[-1].data["ok"] is False


# --- a Pool that would wait for its workers


def busy_pool(config, emit):
    pool = config.context().Pool(2)
    while True:
        try:
            pool.apply_async(abs, (-1,)).get(timeout=5)
            emit.count("tasks", 1)
        except multiprocessing.TimeoutError:
            return


def test_a_run_with_a_busy_pool_stops_at_once(start_method):
    """A Pool takes locks at its end; if a worker was killed while it held one, that lasts for ever."""
    for _ in range(3):
        with Runner(busy_pool, settings(start_method), patience=5) as runner:
            events = iter(runner)
            next(events)
            runner.stop()
            limit = TimeLimit(2)
            *_, summary = events
        assert not limit.passed, limit
        assert summary.data["ok"] is False


def killed_pool(config, emit):
    pool = config.context().Pool(2)
    pool.map(abs, range(100), chunksize=1)  # they are up, and wait for a task: one with the queue's lock
    for child in multiprocessing.active_children():
        child.kill()
    emit.mark("here")
    while True:  # signal.pause() would miss a signal that comes just before it
        select.select([], [], [], 0.05)


STOP_A_KILLED_POOL = """
import sys, stages, test_runner_pools
from time_limit import TimeLimit
from procdemo.runtime.runner import Runner
with Runner(test_runner_pools.killed_pool, stages.settings(sys.argv[1]), patience=5) as runner:
    events = iter(runner)
    next(events)
    runner.stop()
    limit = TimeLimit(2)
    print(*stages.names(events))
    print("late:", limit if limit.passed else "no")
"""


def test_a_run_whose_pool_cannot_end_stops_at_once(start_method):
    """The Pool must not even be collected, which would run its finalizer (in pytest's process it is not)."""
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[1]}/support:{Path(__file__).parent}"}
    command = [sys.executable, "-c", STOP_A_KILLED_POOL, start_method]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "stopped summary\nlate: no\n"


def crashing_pool(config, emit):
    pool = config.context().Pool(2)
    for _ in range(100):
        pool.apply_async(abs, (-1,))
    raise ZeroDivisionError


def test_a_run_that_raises_beside_a_pool_ends_at_once(start_method):
    limit = TimeLimit(3)
    assert "error" in names(events_of(crashing_pool, settings(start_method), patience=5))
    assert not limit.passed, limit


# --- files of managers and sockets


def with_manager(config, emit):
    manager = config.context().Manager()
    emit.mark("here", items=list(manager.list([1])))
    emit.mark("here")
    signal.pause()


def test_a_stopped_manager_leaves_no_socket(start_method, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delitem(multiprocessing.current_process()._config, "tempdir", raising=False)  # of other tests
    with Runner(with_manager, settings(start_method)) as runner:
        events, _ = until_all_are_here(runner)
        assert list(tmp_path.iterdir())
        runner.stop()
        list(events)
    assert not list(tmp_path.iterdir())


def passing_a_socket(config, emit):
    """Let multiprocessing open a socket of its own, in a temporary directory of the main process."""
    ours, _theirs = socket.socketpair()
    reduction.ForkingPickler.dumps(ours)
    emit.mark("here")
    emit.mark("here")
    signal.pause()


@pytest.mark.parametrize("run", [passing_a_socket, with_manager])
def test_a_killed_demo_leaves_no_file(run, start_method, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delitem(multiprocessing.current_process()._config, "tempdir", raising=False)  # of other tests
    with Runner(run, settings(start_method)) as runner:
        until_all_are_here(runner)
        names = [file.name for file in tmp_path.glob("*/pymp-*/*")]
        sockets = [name for name in names if name.startswith(("listener-", "sock-"))]
        assert sockets, "or the test would prove nothing"
        runner.kill()
    assert not list(tmp_path.iterdir())
