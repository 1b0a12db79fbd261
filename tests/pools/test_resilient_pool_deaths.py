"""A Pool is retired when it loses a worker: what was in hand is lost once, nothing else is, nobody waits."""

import contextlib
import os
import select
import signal
import threading

from exits import ends
from pools import WORKERS, House, named, perform, processes_under_me, reads, tell_pid, work_until_killed
from processes import kill, processes
from waiting import wait_until

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
    house.until(lambda: third in house.done)
    kill(friend)
    house.until(lambda: len(house.lost) == 2)
    assert house.lost == [first, second]
    assert house.done == [third]
    house.all_idle()
    house.pool.terminate()
    emit.result("summary", ok=True, victim=victim, friend=friend)


def test_the_task_of_a_killed_worker_is_lost_once_and_no_other(start_method):
    events = perform(one_of_two_busy_is_killed, start_method)
    pids = [events[-1].data["victim"], events[-1].data["friend"]]
    lost = {"exitcode": -signal.SIGKILL, "cause": "killed by SIGKILL", "by": "", "tasks": 1}
    roles = {event.pid: event.role for event in events if event.name == "ready"}
    assert ends(events) == [{"child": roles[pid], "child_pid": pid, **lost} for pid in pids]
    assert [data["busy"] for data in named(events, "pool retired")] == [1]


def idle_ones_are_killed(config, emit):
    house = House(config, emit)
    for round_ in range(4):
        house.all_idle()
        kill(wait_until(lambda: next(filter(reads, house.pool.pids), None)))
        done = len(house.done)
        for number in range(10):  # the death has perhaps not been noticed yet
            house.until(lambda: house.pool.idle > 0)
            house.give(tell_pid, 10 * round_ + number)
        house.until(lambda done=done: len(house.done) == done + 10)
    assert not house.lost
    wait_until(lambda: len(house.results) == 40)
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_the_death_of_an_idle_worker_loses_nothing(start_method):
    """It takes the lock of the queue along: without a new Pool nobody would work any more."""
    events = perform(idle_ones_are_killed, start_method)
    assert sorted(data["number"] for data in named(events, "at work")) == list(range(40))
    assert [data["tasks"] for data in ends(events)] == [0] * 4


def tasks_that_nobody_has_taken(config, emit):
    house = House(config, emit)
    house.all_idle()
    stopped = house.pool.pids
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    tasks = [house.give(tell_pid, number) for number in range(WORKERS)]
    kill(stopped[0])
    house.until(lambda: len(house.done) == WORKERS)
    assert house.done == tasks or house.done == tasks[::-1]
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
        house.loop.run_once(0.01)
    house.all_idle()
    task = house.give(tell_pid, 1)
    house.until(lambda: task in house.done)
    house.pool.terminate()
    emit.result("summary", ok=True)


def test_workers_killed_in_their_first_instant_are_replaced():
    perform(killed_before_they_can_say_hello)


def retired_ones_leave_nothing(config, emit):
    def open_descriptors():
        return len(os.listdir("/proc/self/fd"))

    def all_is_quiet():
        house.loop.run_once(0.01)
        return (threading.active_count(), open_descriptors()) == before

    house = House(config, emit)
    house.all_idle()
    task = house.give(tell_pid, 0)
    house.until(lambda: task in house.done)
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
    events = perform(one_takes_too_long, start_method)
    assert [data["tasks"] for data in ends(events, "killed")] == [1, 0, 0, 0], (
        "and the idle ones of both Pools"
    )


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
