"""A Pool is retired when it loses a worker: what was in hand is lost once, nothing else is, nobody waits.

Each story is told by the main process of a stage, as a pattern would tell it.
"""

import contextlib
import os
import select
import signal
import socket
import threading
import time

import pytest
from harness import ended, processes, wait_until

from procdemo.config import Settings, StartMethod
from procdemo.lookout import Lookout
from procdemo.retiring_pool import RetiringPool
from procdemo.stage import Stage

WORKERS = 2
LIMIT_S = 10.0


class House:
    """A pool, and what has become of its tasks."""

    def __init__(self, config, emit, workers=WORKERS, given=()):
        self.lookout = Lookout()
        self.left, self.lost, self.results = [], [], []
        self.workers = workers
        self.pool = RetiringPool(
            config.context(),
            workers,
            emit,
            self.lookout,
            given=given,
            left=self.left.append,
            lost=self.lost.append,
            ready=lambda: None,
        )

    def until(self, condition, limit=LIMIT_S):
        deadline = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < deadline, (self.left, self.lost, self.pool.idle, self.pool.pids)
            self.lookout.wait(0.02)

    def all_idle(self):
        self.until(lambda: self.pool.idle == self.workers and len(set(self.pool.pids)) == self.workers)

    def give(self, func, *args, conn=None):
        return self.pool.apply_async(func, args, conn=conn, callback=self.results.append)

    def in_hand(self, task):
        self.until(lambda: task.pid)
        return task.pid


def perform(story, start_method="fork"):
    """Perform `story`, and return its events; what goes wrong there goes wrong here."""
    with Stage(story, Settings(start_method=StartMethod(start_method)), limit=30) as stage:
        events = list(stage)
    for event in events:
        assert event.name != "error", event.data.get("traceback")
        assert event.name != "stderr", b"\n".join(each["text"] for each in named(events, "stderr")).decode()
    assert events[-1].data["ok"], events[-1]
    return events


def named(events, name):
    return [event.data for event in events if event.name == name]


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def tell_pid(number, emit):
    emit.mark("at work", number=number)
    return number, os.getpid()


def work_until_killed(emit):
    emit.mark("at work")
    signal.pause()


def fail(emit):
    raise ValueError("no")


def answer(conn, word, emit):
    with conn:
        conn.sendall(word + conn.recv(100).upper())


def greet(name, greeting, emit):
    return greeting + name


# --- in peace


def thirty_tasks(config, emit):
    house = House(config, emit)
    house.all_idle()
    pids = set(house.pool.pids)
    for number in range(30):
        house.until(lambda: house.pool.idle > 0)
        house.give(tell_pid, number)
    house.until(lambda: len(house.left) == 30)
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
    house.until(lambda: len(house.left) == 10)
    wait_until(lambda: len(house.results) == 10)
    assert pid not in {done_by for _, done_by in house.results}
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_who_is_idle_does_the_work_while_another_is_busy():
    perform(one_is_never_given_to_the_busy)


def a_connection_is_handed_over(config, emit):
    house = House(config, emit, workers=1)
    house.all_idle()
    theirs, ours = socket.socketpair()
    house.give(answer, b"> ", conn=theirs)
    theirs.close()
    ours.sendall(b"hello")
    house.until(lambda: house.left)
    assert ours.recv(100) == b"> HELLO"
    assert ours.recv(100) == b"", "no copy of it is left open"
    ours.close()
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_a_worker_gets_a_copy_of_the_connection_and_nobody_keeps_another(start_method):
    perform(a_connection_is_handed_over, start_method)


def everybody_gets_what_was_given_once(config, emit):
    house = House(config, emit, given=("good day, ",))
    house.all_idle()
    house.give(greet, "Ann")
    house.until(lambda: house.left)
    wait_until(lambda: house.results)
    assert house.results == ["good day, Ann"]
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_arguments_for_all_tasks_are_given_once(start_method):
    perform(everybody_gets_what_was_given_once, start_method)


# --- errors in tasks and callbacks


def a_task_raises(config, emit):
    house = House(config, emit, workers=1)
    house.all_idle()
    bad = house.give(fail)
    house.until(lambda: bad in house.left)
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
    house.until(lambda: task in house.left)
    assert "RuntimeError: callback" in task.error
    good = house.give(tell_pid, 2)
    house.until(lambda: good in house.left)
    wait_until(lambda: house.results)
    assert not good.error
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_a_callback_that_raises_is_reported_and_the_next_is_called():
    (said,) = named(perform(a_callback_raises), "error in pool")
    assert "RuntimeError: callback" in said["error"]


# --- workers that are killed


def one_of_two_busy_is_killed(config, emit):
    house = House(config, emit)
    house.all_idle()
    first, second = house.give(work_until_killed), house.give(work_until_killed)
    victim, friend = house.in_hand(first), house.in_hand(second)
    kill(victim)
    house.until(lambda: house.lost)
    assert house.lost == [first]
    house.all_idle()
    assert friend not in house.pool.pids, "it finishes in the retired Pool"
    assert os.path.exists(f"/proc/{friend}")
    third = house.give(tell_pid, 3)
    house.until(lambda: third in house.left)
    kill(friend)
    house.until(lambda: len(house.lost) == 2)
    assert house.lost == [first, second]
    assert house.left == [third]
    house.all_idle()
    house.pool.terminate()
    emit.result("summary", ok=True, victim=victim, friend=friend)


def test_the_task_of_a_killed_worker_is_lost_once_and_no_other(start_method):
    events = perform(one_of_two_busy_is_killed, start_method)
    pids = [events[-1].data["victim"], events[-1].data["friend"]]
    losses = named(events, "worker lost")
    assert losses == [{"worker_pid": pid, "cause": "killed by SIGKILL", "tasks": 1} for pid in pids]
    assert [data["busy"] for data in named(events, "pool retired")] == [1]


def reads(pid):
    """Return whether it is the idle worker that has the lock of the queue."""
    with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
        return "pipe_read" in file.read()


def idle_ones_are_killed(config, emit):
    house = House(config, emit)
    for round_ in range(4):
        house.all_idle()
        kill(wait_until(lambda: next(filter(reads, house.pool.pids), None)))
        done = len(house.left)
        for number in range(10):  # the death has perhaps not been noticed yet
            house.until(lambda: house.pool.idle > 0)
            house.give(tell_pid, 10 * round_ + number)
        house.until(lambda done=done: len(house.left) == done + 10)
    assert not house.lost
    wait_until(lambda: len(house.results) == 40)
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_the_death_of_an_idle_worker_loses_nothing(start_method):
    """It takes the lock of the queue along: without a new Pool nobody would work any more."""
    events = perform(idle_ones_are_killed, start_method)
    assert sorted(data["number"] for data in named(events, "at work")) == list(range(40))
    assert len(named(events, "worker lost")) == 4
    assert all(data["tasks"] == 0 for data in named(events, "worker lost"))


def tasks_that_nobody_has_taken(config, emit):
    house = House(config, emit)
    house.all_idle()
    stopped = house.pool.pids
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    tasks = [house.give(tell_pid, number) for number in range(WORKERS)]
    kill(stopped[0])
    house.until(lambda: len(house.left) == WORKERS)
    assert house.left == tasks or house.left == tasks[::-1]
    assert not house.lost
    assert not set(stopped) & {pid for _, pid in wait_until(lambda: house.results)}
    house.until(lambda: not set(stopped) & set(processes()))
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_a_task_on_the_desk_is_taken_back_and_done_by_the_next_pool(start_method):
    events = perform(tasks_that_nobody_has_taken, start_method)
    assert sorted(data["number"] for data in named(events, "at work")) == [0, 1]


def children_of_mine():
    return {pid for pid, process in processes().items() if process.parent == os.getpid() and process.alive}


def killed_before_they_can_say_hello(config, emit):
    house = House(config, emit)
    for _ in range(10):
        for pid in children_of_mine():
            with contextlib.suppress(ProcessLookupError):  # its Pool has been retired
                kill(pid)
        house.lookout.wait(0.01)
    house.all_idle()
    task = house.give(tell_pid, 1)
    house.until(lambda: task in house.left)
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_workers_killed_in_their_first_instant_are_replaced():
    perform(killed_before_they_can_say_hello)


def retired_ones_leave_nothing(config, emit):
    def open_descriptors():
        return len(os.listdir("/proc/self/fd"))

    def all_is_quiet():
        house.lookout.wait(0.01)
        return (threading.active_count(), open_descriptors()) == before

    house = House(config, emit)
    house.all_idle()
    task = house.give(tell_pid, 0)
    house.until(lambda: task in house.left)
    before = threading.active_count(), open_descriptors()
    everybody = len(processes_under_me())
    for number in range(4):
        busy = house.give(work_until_killed)
        pid = house.in_hand(busy)
        idle = next(each for each in house.pool.pids if each != pid)
        kill(pid if number % 2 else idle)
        house.until(lambda number=number: len(house.lost) >= (number + 1) // 2)
        house.all_idle()
        if not number % 2:
            kill(pid)
            house.until(lambda busy=busy: busy in house.lost)
    with contextlib.suppress(AssertionError):
        wait_until(all_is_quiet, limit=5)
    assert (threading.active_count(), open_descriptors()) == before
    assert len(processes_under_me()) == everybody
    house.pool.terminate()
    emit.result("summary", ok=True)


def processes_under_me():
    everybody = processes()
    return [pid for pid, process in everybody.items() if process.parent == os.getpid()]


def test_a_retired_pool_leaves_no_thread_no_descriptor_and_no_zombie(start_method):
    perform(retired_ones_leave_nothing, start_method)


# --- tasks that take too long


def one_takes_too_long(config, emit):
    house = House(config, emit)
    house.all_idle()
    assert house.pool.kill_overdue(60) is None, "nothing is in hand"
    task = house.give(work_until_killed)
    pid = house.in_hand(task)
    left = house.pool.kill_overdue(60)
    assert 55 < left <= 60
    assert not task.overdue
    select.select([], [], [], 0.02)
    house.pool.kill_overdue(0.01)
    assert task.overdue
    house.until(lambda: house.lost)
    assert house.lost == [task]
    assert not os.path.exists(f"/proc/{pid}")
    house.all_idle()
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_who_takes_too_long_is_killed_and_the_task_is_lost(start_method):
    perform(one_takes_too_long, start_method)


def one_is_given_up(config, emit):
    house = House(config, emit)
    house.all_idle()
    task = house.give(work_until_killed)
    house.in_hand(task)
    house.pool.kill(task)
    house.until(lambda: house.lost)
    assert house.lost == [task]
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_a_task_can_be_given_up():
    perform(one_is_given_up)


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
