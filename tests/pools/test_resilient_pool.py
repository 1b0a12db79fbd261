"""A ResilientPool whose workers live is a Pool: each task is done once, by a worker that was idle."""

import os
import signal
import socket
import threading

import pytest
from pools import WORKERS, PoolRun, named, processes_under_me, reads, run_as_main, tell_pid, work_until_killed
from processes import kill
from time_limit import TimeLimit
from waiting import ended, wait_until

from procdemo.demo.settings import StartMethod

# --- no worker is killed


def thirty_tasks(config, emit):
    run = PoolRun(config, emit)
    run.all_idle()
    pids = set(run.pool.pids)
    for number in range(30):
        run.until(lambda: run.pool.idle > 0)
        run.give(tell_pid, number)
    run.until(lambda: len(run.done) == 30)
    wait_until(lambda: len(run.results) == 30)
    assert sorted(number for number, _ in run.results) == list(range(30))
    assert {pid for _, pid in run.results} <= pids
    assert set(run.pool.pids) == pids
    assert not run.lost
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_each_task_is_done_once_by_a_worker_that_was_idle(start_method):
    events = run_as_main(thirty_tasks, start_method)
    assert sorted(data["number"] for data in named(events, "at work")) == list(range(30))
    assert {event.role for event in events if event.name == "at work"} <= {"worker-0", "worker-1"}


def an_untold_task(config, emit):
    run = PoolRun(config, emit)
    run.all_idle()
    task = run.pool.apply_async(tell_pid, (7,), tell=False)
    run.until(lambda: run.done)
    assert run.done == [task]
    assert task.result == (7, task.pid)
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_of_an_untold_task_there_is_no_event_and_its_result_is_in_it(start_method):
    events = run_as_main(an_untold_task, start_method)
    assert not {"submit", "callback"} & {event.name for event in events}
    assert [data["number"] for data in named(events, "at work")] == [7]


def a_busy_worker_gets_no_task(config, emit):
    run = PoolRun(config, emit)
    run.all_idle()
    busy = run.give(work_until_killed)
    pid = run.in_hand(busy)
    for number in range(10):
        run.until(lambda: run.pool.idle == 1)
        run.give(tell_pid, number)
    run.until(lambda: len(run.done) == 10)
    wait_until(lambda: len(run.results) == 10)
    assert pid not in {done_by for _, done_by in run.results}
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_an_idle_worker_does_the_work_while_another_is_busy():
    run_as_main(a_busy_worker_gets_no_task)


def answer(conn, word, emit):
    with conn:
        conn.sendall(word + conn.recv(100).upper())


def a_connection_is_handed_over(config, emit):
    run = PoolRun(config, emit, workers=1)
    run.all_idle()
    theirs, ours = socket.socketpair()
    run.give(answer, b"> ", conn=theirs)
    theirs.close()
    ours.sendall(b"hello")
    run.until(lambda: run.done)
    assert ours.recv(100) == b"> HELLO"
    assert ours.recv(100) == b"", "no copy of it is left open"
    ours.close()
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_a_worker_gets_a_copy_of_the_connection_and_no_other_is_kept(start_method):
    run_as_main(a_connection_is_handed_over, start_method)


def greet(name, greeting, emit):
    return greeting + name


def each_task_gets_the_extra_args(config, emit):
    run = PoolRun(config, emit, extra_args=("good day, ",))
    run.all_idle()
    run.give(greet, "Ann")
    run.until(lambda: run.done)
    wait_until(lambda: run.results)
    assert run.results == ["good day, Ann"]
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_extra_arguments_reach_each_task(start_method):
    run_as_main(each_task_gets_the_extra_args, start_method)


# --- errors in tasks and callbacks


def fail(emit):
    raise ValueError("no")


def a_task_raises(config, emit):
    run = PoolRun(config, emit, workers=1)
    run.all_idle()
    bad = run.give(fail)
    run.until(lambda: bad in run.done)
    run.give(tell_pid, 7)
    wait_until(lambda: run.results)
    assert [number for number, _ in run.results] == [7]
    run.all_idle()
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_an_exception_in_a_task_is_reported_and_the_worker_goes_on():
    (said,) = named(run_as_main(a_task_raises), "error in pool")
    assert "ValueError: no" in said["error"]


def a_callback_raises(config, emit):
    run = PoolRun(config, emit)
    run.all_idle()

    def bad(_):
        raise RuntimeError("callback")

    task = run.pool.apply_async(tell_pid, (1,), callback=bad)
    run.until(lambda: task in run.done)
    assert "RuntimeError: callback" in task.error
    good = run.give(tell_pid, 2)
    run.until(lambda: good in run.done)
    wait_until(lambda: run.results)
    assert not good.error
    run.pool.terminate()
    emit.result("summary", ok=True)


def test_a_callback_that_raises_is_reported_and_the_next_is_called():
    (said,) = named(run_as_main(a_callback_raises), "error in pool")
    assert "RuntimeError: callback" in said["error"]


# --- the end


def the_end_comes(config, emit, *, first):
    run = PoolRun(config, emit)
    run.all_idle()
    for _ in range(WORKERS):
        run.in_hand(run.give(work_until_killed))
    pidfds = [os.pidfd_open(pid) for pid in run.pool.pids]
    first(run)
    limit = TimeLimit(2)
    run.pool.terminate()
    assert not limit.passed, limit
    assert ended(pidfds, within=0)
    assert not [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    emit.result("summary", ok=True)


def when_all_are_busy(config, emit):
    the_end_comes(config, emit, first=lambda _: None)


def when_one_was_just_killed(config, emit):
    the_end_comes(config, emit, first=lambda run: kill(run.pool.pids[0]))


def when_one_is_stopped(config, emit):
    the_end_comes(config, emit, first=lambda run: os.kill(run.pool.pids[0], signal.SIGSTOP))


def when_a_retired_one_is_still_busy(config, emit):
    def retire(run):
        kill(run.pool.pids[0])
        run.until(lambda: run.lost)

    the_end_comes(config, emit, first=retire)


@pytest.mark.parametrize(
    "scenario",
    [
        when_all_are_busy,
        when_one_was_just_killed,
        when_one_is_stopped,
        when_a_retired_one_is_still_busy,
    ],
)
def test_terminate_ends_all_and_returns(scenario, start_method):
    run_as_main(scenario, start_method)


def when_the_lock_is_lost(config, emit):
    run = PoolRun(config, emit)
    run.all_idle()
    kill(wait_until(lambda: next(filter(reads, run.pool.pids), None)))
    limit = TimeLimit(2)
    run.pool.terminate()
    assert not limit.passed, limit
    assert not processes_under_me() or config.start_method != StartMethod.FORK
    emit.result("summary", ok=True)


def test_terminate_does_not_wait_for_a_lock_that_a_dead_worker_has(start_method):
    run_as_main(when_the_lock_is_lost, start_method)
