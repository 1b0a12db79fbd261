"""A supervisor hears every answer and every death, in that order.

Each story is told by the main process of a stage, as a pattern would tell it.
"""

import os
import signal
from multiprocessing import forkserver

from exits import ends
from processes import processes, sockets
from supervised import LIMIT_S, LONG_S, answer_and_die, answer_by_half_and_die, keep, named, perform
from waiting import ended, wait_until

# --- answers and deaths


def test_what_a_worker_said_before_its_death_is_heard_first(start_method):
    def story(house):
        house.idle()[0].give(5, LONG_S)
        house.until(lambda: house.workers.deaths)
        assert house.heard == [(5, ("done", 5))]

    (died,) = ends(perform(story, start_method, answer_and_die))
    assert (died["cause"], died["item"], died["hand"]) == ("killed by SIGKILL", None, "nothing in hand")


def test_half_an_answer_is_none(start_method):
    def story(house):
        (worker,) = house.idle()
        worker.give(5, LONG_S)
        house.until(lambda: house.heard)
        assert house.heard == [(5, None)]
        assert worker.ran

    perform(story, start_method, answer_by_half_and_die)


def test_an_item_that_nobody_has_read_was_not_run(start_method):
    def story(house):
        (worker,) = house.idle()
        os.kill(worker.pid, signal.SIGSTOP)
        wait_until(lambda: processes()[worker.pid].state == "T")
        worker.give(5, LONG_S)
        os.kill(worker.pid, signal.SIGKILL)
        house.until(lambda: house.heard)
        assert house.heard == [(5, None)]
        assert not worker.ran

    perform(story, start_method)


def test_an_item_for_a_dead_worker_comes_back(start_method):
    def story(house):
        (worker,) = house.idle()
        pidfd = os.pidfd_open(worker.pid)
        os.kill(worker.pid, signal.SIGKILL)
        assert ended([pidfd], within=LIMIT_S)
        worker.give(5, LONG_S)
        house.until(lambda: house.heard)
        assert house.heard == [(5, None)]
        assert not worker.ran

    perform(story, start_method)


def test_who_dies_with_an_item_is_named_and_replaced(start_method):
    def story(house):
        victim, other = house.idle(2)
        victim.give(0, LONG_S)
        other.give(1, LONG_S)
        os.kill(victim.pid, signal.SIGKILL)
        house.until(lambda: house.workers.deaths and len(house.workers.idle) == 1, 2)
        assert len({house.workers.idle[0].name, victim.name, other.name}) == 3

    events = perform(story, start_method, keep)
    (died,) = ends(events)
    assert died["hand"] == "item 0 in hand"
    assert [row["worker"] for row in named(events, "workers")] == ["worker-0", "worker-1", "worker-2"]


def test_a_lost_fork_server_is_replaced_and_its_workers_do_not_stay():
    def story(house):
        old = house.idle(2)
        pidfds = [os.pidfd_open(worker.pid) for worker in old]
        old[0].give(5, LONG_S)
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
        house.until(lambda: house.workers.deaths == 2)
        assert house.heard == [(5, None)]
        assert ended(pidfds, within=LIMIT_S)
        assert not {worker.pid for worker in house.idle(2)} & {worker.pid for worker in old}

    perform(story, "forkserver", keep)


# --- nobody keeps what is another's


def test_a_worker_has_its_own_pipe_and_nobody_elses(start_method):
    def story(house):
        assert [sum(sockets(worker.pid).values()) for worker in house.idle(3)] == [1, 1, 1]

    perform(story, start_method)


def test_every_worker_leaves_when_its_pipe_ends(start_method):
    def story(house):
        house.idle(3)

    exited = ends(perform(story, start_method), "exited")
    assert [each["cause"] for each in exited] == ["exit status 0"] * 3


def test_deaths_leave_no_descriptor_open(start_method):
    def story(house):
        counts = set()
        for _ in range(5):
            (worker,) = house.idle()
            worker.give(1, LONG_S)
            house.until(lambda: house.workers.idle)  # it has done something, so there is no pause
            counts.add(len(os.listdir("/proc/self/fd")))
            deaths = house.workers.deaths
            os.kill(worker.pid, signal.SIGKILL)
            house.until(lambda deaths=deaths: house.workers.deaths > deaths)
        assert len(counts) == 1, counts

    perform(story, start_method)
