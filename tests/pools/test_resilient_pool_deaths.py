"""A Pool is retired when it loses a worker: its task is lost once, no other is, no task waits for ever."""

import contextlib
import multiprocessing
import os
import select
import signal
import sys
import threading
import warnings
from pathlib import Path

import pytest
from exits import ends
from pools import WORKERS, PoolRun, named, processes_under_me, reads, run_as_main, tell_pid, work_until_killed
from processes import kill, processes
from waiting import wait_until

from procdemo.pools.generation import UnmanagedPool

# --- workers that are killed


def one_of_two_busy_is_killed(config, emit):
    run = PoolRun(config, emit)
    run.all_idle()
    first, second = run.give(work_until_killed), run.give(work_until_killed)
    killed, other = run.in_hand(first), run.in_hand(second)
    kill(killed)
    run.until(lambda: run.lost)
    assert run.lost == [first]
    run.all_idle()
    assert other not in run.pool.pids, "it finishes in the retired Pool"
    assert os.path.exists(f"/proc/{other}")
    third = run.give(tell_pid, 3)
    run.until(lambda: third in run.done)
    kill(other)
    run.until(lambda: len(run.lost) == 2)
    assert run.lost == [first, second]
    assert run.done == [third]
    run.all_idle()
    run.pool.terminate()
    emit.result("summary", ok=True, pids=[killed, other])


@pytest.mark.core
def test_the_task_of_a_killed_worker_is_lost_once_and_no_other(start_method):
    events = run_as_main(one_of_two_busy_is_killed, start_method)
    pids = events[-1].data["pids"]
    lost = {"exitcode": -signal.SIGKILL, "cause": "killed by SIGKILL", "by": "", "tasks": 1}
    roles = {event.pid: event.role for event in events if event.name == "ready"}
    assert ends(events) == [{"child": roles[pid], "child_pid": pid, **lost} for pid in pids]
    assert [data["busy"] for data in named(events, "pool retired")] == [1]


def idle_ones_are_killed(config, emit):
    run = PoolRun(config, emit)
    for round_ in range(4):
        run.all_idle()
        kill(wait_until(lambda: next(filter(reads, run.pool.pids), None)))
        done = len(run.done)
        for number in range(10):  # the death has perhaps not been noticed yet
            run.until(lambda: run.pool.idle > 0)
            run.give(tell_pid, 10 * round_ + number)
        run.until(lambda done=done: len(run.done) == done + 10)
    assert not run.lost
    wait_until(lambda: len(run.results) == 40)
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_the_death_of_an_idle_worker_loses_nothing(start_method):
    """It had the lock of the queue: without a new Pool no worker could work any more."""
    events = run_as_main(idle_ones_are_killed, start_method)
    assert sorted(data["number"] for data in named(events, "at work")) == list(range(40))
    assert [data["tasks"] for data in ends(events)] == [0] * 4


def tasks_that_no_worker_has_taken(config, emit):
    run = PoolRun(config, emit)
    run.all_idle()
    stopped = run.pool.pids
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    tasks = [run.give(tell_pid, number) for number in range(WORKERS)]
    kill(stopped[0])
    run.until(lambda: len(run.done) == WORKERS)
    assert run.done == tasks or run.done == tasks[::-1]
    assert not run.lost
    assert not set(stopped) & {pid for _, pid in wait_until(lambda: run.results)}
    run.until(lambda: not set(stopped) & set(processes()))
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_a_task_in_the_socket_is_taken_back_and_done_by_the_next_pool(start_method):
    events = run_as_main(tasks_that_no_worker_has_taken, start_method)
    assert sorted(data["number"] for data in named(events, "at work")) == [0, 1]


def killed_before_they_are_ready(config, emit):
    run = PoolRun(config, emit)
    for _ in range(10):
        for pid in run.pool.pids:
            with contextlib.suppress(ProcessLookupError):  # its Pool has been retired
                kill(pid)
        run.loop.run_once(0.01)
    run.all_idle()
    task = run.give(tell_pid, 1)
    run.until(lambda: task in run.done)
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_workers_killed_in_their_first_instant_are_replaced():
    run_as_main(killed_before_they_are_ready)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python warns of it from 3.12 on")
def test_no_process_is_forked_beside_a_thread(monkeypatch):
    """A fork beside a thread is an error line of the process here, and raises from Python 3.15 on."""
    monkeypatch.setenv("PYTHONWARNINGS", "error::DeprecationWarning")
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        events = run_as_main(idle_ones_are_killed, "fork")
    assert {data["start_method"] for data in named(events, "pool retired")} == {"spawn"}


def the_next_pool_is_spawned(config, emit):
    run = PoolRun(config, emit, workers=1)
    run.all_idle()
    first = run.give(process_is_the_image_of, os.getpid())
    run.until(lambda: first in run.done)
    (killed,) = run.pool.pids
    kill(killed)
    run.until(lambda: run.pool.pids != [killed])
    run.give(process_is_the_image_of, os.getpid())
    run.until(lambda: len(run.results) == 2)
    run.pool.terminate()
    emit.result("summary", ok=True, forked=run.results)


def process_is_the_image_of(main, emit):
    """Return whether this process has the command line of main: a forked one has."""
    command_lines = (Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (main, os.getpid()))
    return len(set(command_lines)) == 1


def test_beside_the_threads_of_a_pool_no_worker_is_forked():
    events = run_as_main(the_next_pool_is_spawned, "fork")
    assert events[-1].data["forked"] == [True, False]
    assert [data["start_method"] for data in named(events, "pool retired")] == ["spawn"]


def retired_ones_leave_nothing(config, emit):
    def open_descriptors():
        return len(os.listdir("/proc/self/fd"))

    def all_is_quiet():
        run.loop.run_once(0.01)
        return (threading.active_count(), open_descriptors()) == before

    run = PoolRun(config, emit)
    run.all_idle()
    task = run.give(tell_pid, 0)
    run.until(lambda: task in run.done)
    before = threading.active_count(), open_descriptors()
    before_processes = len(processes_under_me())
    for number in range(4):
        busy = run.give(work_until_killed)
        pid = run.in_hand(busy)
        idle = next(each for each in run.pool.pids if each != pid)
        kill(pid if number % 2 else idle)
        run.until(lambda number=number: len(run.lost) >= (number + 1) // 2)
        run.all_idle()
        if not number % 2:
            kill(pid)
            run.until(lambda busy=busy: busy in run.lost)
    with contextlib.suppress(AssertionError):
        wait_until(all_is_quiet, limit=5)
    assert (threading.active_count(), open_descriptors()) == before
    assert len(processes_under_me()) == before_processes
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_a_retired_pool_leaves_no_thread_no_descriptor_and_no_zombie(start_method):
    run_as_main(retired_ones_leave_nothing, start_method)


# --- tasks that take too long


def one_takes_too_long(config, emit):
    run = PoolRun(config, emit)
    run.all_idle()
    assert run.pool.kill_overdue(60) is None, "nothing is in hand"
    task = run.give(work_until_killed)
    pid = run.in_hand(task)
    left = run.pool.kill_overdue(60)
    assert 55 < left <= 60
    assert not task.overdue
    select.select([], [], [], 0.02)
    run.pool.kill_overdue(0.01)
    assert task.overdue
    run.until(lambda: run.lost)
    assert run.lost == [task]
    assert not os.path.exists(f"/proc/{pid}")
    run.all_idle()
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_a_worker_that_takes_too_long_is_killed_and_its_task_is_lost(start_method):
    events = run_as_main(one_takes_too_long, start_method)
    assert [data["tasks"] for data in ends(events, "killed")] == [1, 0, 0, 0], (
        "and the idle ones of both Pools"
    )


def a_task_is_killed(config, emit):
    run = PoolRun(config, emit)
    run.all_idle()
    task = run.give(work_until_killed)
    run.in_hand(task)
    run.pool.kill(task)
    run.until(lambda: run.lost)
    assert run.lost == [task]
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_the_worker_of_a_task_can_be_killed():
    run_as_main(a_task_is_killed)


def test_half_a_task_that_a_killed_worker_has_left_in_the_pipe_does_not_stop_the_end():
    """The Pool of the standard library then ends with an EOFError, in a thread."""
    tasks, ended = multiprocessing.get_context("fork").SimpleQueue(), threading.Event()
    tasks.put(("a task", "x" * 200))
    os.read(tasks._reader.fileno(), 4)  # as much as its length
    handler = threading.Thread(target=ended.wait)
    handler.start()
    try:
        UnmanagedPool._help_stuff_finish(tasks, handler, 1)
        assert not tasks._reader.poll()
    finally:
        ended.set()
        handler.join()
        tasks.close()
