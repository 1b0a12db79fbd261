"""A supervisor notices every answer and every death, in that order.

Each scenario runs in the main process of a demo, as a pattern does.
"""

import os
import signal
from multiprocessing import forkserver

import pytest
from exits import ends
from processes import processes, sockets
from supervised import LIMIT_S, LONG_S, answer_and_die, answer_by_half_and_die, keep, named, run_as_main
from waiting import ended, wait_until

# --- answers and deaths


def test_an_answer_sent_before_a_death_comes_first(start_method):
    def scenario(run):
        run.idle()[0].give(5, LONG_S)
        run.until(lambda: run.workers.deaths)
        assert run.answers == [(5, ("done", 5))]

    (died,) = ends(run_as_main(scenario, start_method, answer_and_die))
    assert (died["cause"], died["item"], died["hand"]) == ("killed by SIGKILL", None, "nothing in hand")


def test_half_an_answer_is_no_answer(start_method):
    def scenario(run):
        (worker,) = run.idle()
        worker.give(5, LONG_S)
        run.until(lambda: run.answers)
        assert run.answers == [(5, None)]
        assert worker.ran

    run_as_main(scenario, start_method, answer_by_half_and_die)


def test_an_item_that_was_not_read_was_not_run(start_method):
    def scenario(run):
        (worker,) = run.idle()
        os.kill(worker.pid, signal.SIGSTOP)
        wait_until(lambda: processes()[worker.pid].state == "T")
        worker.give(5, LONG_S)
        os.kill(worker.pid, signal.SIGKILL)
        run.until(lambda: run.answers)
        assert run.answers == [(5, None)]
        assert not worker.ran

    run_as_main(scenario, start_method)


def test_an_item_for_a_dead_worker_comes_back(start_method):
    def scenario(run):
        (worker,) = run.idle()
        pidfd = os.pidfd_open(worker.pid)
        os.kill(worker.pid, signal.SIGKILL)
        assert ended([pidfd], within=LIMIT_S)
        worker.give(5, LONG_S)
        run.until(lambda: run.answers)
        assert run.answers == [(5, None)]
        assert not worker.ran

    run_as_main(scenario, start_method)


@pytest.mark.core
def test_a_worker_that_dies_with_an_item_is_named_and_replaced(start_method):
    def scenario(run):
        killed, other = run.idle(2)
        killed.give(0, LONG_S)
        other.give(1, LONG_S)
        os.kill(killed.pid, signal.SIGKILL)
        run.until(lambda: run.workers.deaths and len(run.workers.idle) == 1, 2)
        assert len({run.workers.idle[0].name, killed.name, other.name}) == 3

    events = run_as_main(scenario, start_method, keep)
    (died,) = ends(events)
    assert died["hand"] == "item 0 in hand"
    assert [row["worker"] for row in named(events, "workers")] == ["worker-0", "worker-1", "worker-2"]


def test_a_killed_fork_server_is_replaced_and_its_workers_are_killed():
    def scenario(run):
        old = run.idle(2)
        pidfds = [os.pidfd_open(worker.pid) for worker in old]
        old[0].give(5, LONG_S)
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
        run.until(lambda: run.workers.deaths == 2)
        assert run.answers == [(5, None)]
        assert ended(pidfds, within=LIMIT_S)
        assert not {worker.pid for worker in run.idle(2)} & {worker.pid for worker in old}

    run_as_main(scenario, "forkserver", keep)


# --- pipes and descriptors


def test_a_worker_has_its_own_pipe_and_no_other(start_method):
    def scenario(run):
        assert [sum(sockets(worker.pid).values()) for worker in run.idle(3)] == [1, 1, 1]

    run_as_main(scenario, start_method)


def test_every_idle_worker_ends_when_its_pipe_ends(start_method):
    def scenario(run):
        run.idle(3)

    exited = ends(run_as_main(scenario, start_method), "exited")
    assert [each["cause"] for each in exited] == ["exit status 0"] * 3


def test_deaths_leave_no_descriptor_open(start_method):
    def scenario(run):
        counts = set()
        for _ in range(5):
            (worker,) = run.idle()
            worker.give(1, LONG_S)
            run.until(lambda: run.workers.idle)  # it has done something, so there is no pause
            counts.add(len(os.listdir("/proc/self/fd")))
            deaths = run.workers.deaths
            os.kill(worker.pid, signal.SIGKILL)
            run.until(lambda deaths=deaths: run.workers.deaths > deaths)
        assert len(counts) == 1, counts

    run_as_main(scenario, start_method)
