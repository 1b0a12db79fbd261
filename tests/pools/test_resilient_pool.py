"""A Pool that may lose a worker is, in peace, a Pool: each task once, by a worker that was idle."""

import os
import signal
import socket
import threading
import time

import pytest
from pools import WORKERS, House, named, perform, processes_under_me, reads, tell_pid, work_until_killed
from processes import kill
from waiting import ended, wait_until

from procdemo.demo.settings import StartMethod

# --- in peace


def thirty_tasks(config, emit):
    house = House(config, emit)
    house.all_idle()
    pids = set(house.pool.pids)
    for number in range(30):
        house.until(lambda: house.pool.idle > 0)
        house.give(tell_pid, number)
    house.until(lambda: len(house.done) == 30)
    wait_until(lambda: len(house.results) == 30)
    assert sorted(number for number, _ in house.results) == list(range(30))
    assert {pid for _, pid in house.results} <= pids
    assert set(house.pool.pids) == pids
    assert not house.lost
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_each_task_is_done_once_by_a_worker_that_was_idle(start_method):
    events = perform(thirty_tasks, start_method)
    assert sorted(data["number"] for data in named(events, "at work")) == list(range(30))
    assert {event.role for event in events if event.name == "at work"} <= {"worker-0", "worker-1"}


def one_is_never_given_to_the_busy(config, emit):
    house = House(config, emit)
    house.all_idle()
    busy = house.give(work_until_killed)
    pid = house.in_hand(busy)
    for number in range(10):
        house.until(lambda: house.pool.idle == 1)
        house.give(tell_pid, number)
    house.until(lambda: len(house.done) == 10)
    wait_until(lambda: len(house.results) == 10)
    assert pid not in {done_by for _, done_by in house.results}
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_who_is_idle_does_the_work_while_another_is_busy():
    perform(one_is_never_given_to_the_busy)


def answer(conn, word, emit):
    with conn:
        conn.sendall(word + conn.recv(100).upper())


def a_connection_is_handed_over(config, emit):
    house = House(config, emit, workers=1)
    house.all_idle()
    theirs, ours = socket.socketpair()
    house.give(answer, b"> ", conn=theirs)
    theirs.close()
    ours.sendall(b"hello")
    house.until(lambda: house.done)
    assert ours.recv(100) == b"> HELLO"
    assert ours.recv(100) == b"", "no copy of it is left open"
    ours.close()
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_a_worker_gets_a_copy_of_the_connection_and_nobody_keeps_another(start_method):
    perform(a_connection_is_handed_over, start_method)


def greet(name, greeting, emit):
    return greeting + name


def everybody_gets_what_was_given_once(config, emit):
    house = House(config, emit, extra_args=("good day, ",))
    house.all_idle()
    house.give(greet, "Ann")
    house.until(lambda: house.done)
    wait_until(lambda: house.results)
    assert house.results == ["good day, Ann"]
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_arguments_for_all_tasks_are_given_once(start_method):
    perform(everybody_gets_what_was_given_once, start_method)


# --- errors in tasks and callbacks


def fail(emit):
    raise ValueError("no")


def a_task_raises(config, emit):
    house = House(config, emit, workers=1)
    house.all_idle()
    bad = house.give(fail)
    house.until(lambda: bad in house.done)
    house.give(tell_pid, 7)
    wait_until(lambda: house.results)
    assert [number for number, _ in house.results] == [7]
    house.all_idle()
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_an_exception_in_a_task_is_reported_and_the_worker_goes_on():
    (said,) = named(perform(a_task_raises), "error in pool")
    assert "ValueError: no" in said["error"]


def a_callback_raises(config, emit):
    house = House(config, emit)
    house.all_idle()

    def bad(_):
        raise RuntimeError("callback")

    task = house.pool.apply_async(tell_pid, (1,), callback=bad)
    house.until(lambda: task in house.done)
    assert "RuntimeError: callback" in task.error
    good = house.give(tell_pid, 2)
    house.until(lambda: good in house.done)
    wait_until(lambda: house.results)
    assert not good.error
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_a_callback_that_raises_is_reported_and_the_next_is_called():
    (said,) = named(perform(a_callback_raises), "error in pool")
    assert "RuntimeError: callback" in said["error"]


# --- the end


def the_end_comes(config, emit, *, first):
    house = House(config, emit)
    house.all_idle()
    for _ in range(WORKERS):
        house.in_hand(house.give(work_until_killed))
    pidfds = [os.pidfd_open(pid) for pid in house.pool.pids]
    first(house)
    before = time.monotonic()
    house.pool.terminate()
    assert time.monotonic() - before < 2
    assert ended(pidfds, within=0)
    assert not [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    emit.result("summary", ok=True)


def when_all_are_busy(config, emit):
    the_end_comes(config, emit, first=lambda _: None)


def when_one_was_just_killed(config, emit):
    the_end_comes(config, emit, first=lambda house: kill(house.pool.pids[0]))


def when_one_cannot_listen(config, emit):
    the_end_comes(config, emit, first=lambda house: os.kill(house.pool.pids[0], signal.SIGSTOP))


def when_a_retired_one_is_still_busy(config, emit):
    def retire(house):
        kill(house.pool.pids[0])
        house.until(lambda: house.lost)

    the_end_comes(config, emit, first=retire)


@pytest.mark.parametrize(
    "story",
    [
        when_all_are_busy,
        when_one_was_just_killed,
        when_one_cannot_listen,
        when_a_retired_one_is_still_busy,
    ],
)
def test_terminate_ends_all_and_returns(story, start_method):
    perform(story, start_method)


def when_the_lock_is_lost(config, emit):
    house = House(config, emit)
    house.all_idle()
    kill(wait_until(lambda: next(filter(reads, house.pool.pids), None)))
    before = time.monotonic()
    house.pool.terminate()
    assert time.monotonic() - before < 2
    assert not processes_under_me() or config.start_method != StartMethod.FORK
    emit.result("summary", ok=True)


def test_terminate_does_not_wait_for_a_lock_that_a_dead_worker_has(start_method):
    perform(when_the_lock_is_lost, start_method)
