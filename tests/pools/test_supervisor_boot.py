"""A supervisor replaces workers that do not become ready; it gives up if none does."""

import os
import re
import resource
import signal

from exits import ends
from supervised import LONG_S, Bomb, explode, keep, named, run_as_main, say_nothing

import procdemo.pools.supervised_worker
import procdemo.pools.supervisor


def test_it_gives_up_when_in_round_after_round_no_worker_becomes_ready(start_method):
    def scenario(run):
        if start_method == "fork":
            os.register_at_fork(after_in_child=lambda: os._exit(7))
        run.until(lambda: not run.workers.may_go_on, 2)

    events = run_as_main(scenario, start_method, explode, (Bomb(),))
    died = ends(events)
    assert {(each["cause"], each["hand"]) for each in died} == {("exit status 7", "not come up yet")}
    assert [each["seconds"] for each in named(events, "back-off")] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6]
    assert named(events, "hopeless") == [{"rounds": 7}]
    assert 7 <= len(died) <= 14


def test_a_worker_that_sends_nothing_is_killed_and_replaced(start_method):
    def scenario(run):
        procdemo.pools.supervisor.BOOT_S = procdemo.pools.supervised_worker.BOOT_S = 0.1
        run.until(lambda: run.workers.deaths == 2)

    events = run_as_main(scenario, start_method, say_nothing)
    assert len(named(events, "not up")) >= 2
    assert named(events, "back-off")


def test_it_goes_on_with_fewer_workers_if_no_more_can_be_started():
    def scenario(run):
        os.close(lowest := os.dup(0))
        few = lowest + 24  # descriptors must be below this; a worker takes four of main's
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))
        run.until(lambda: run.workers.idle, 50)
        run.workers.idle[0].give(1, LONG_S)
        run.until(lambda: run.answers, 50)
        assert run.workers.may_go_on

    events = run_as_main(scenario, silent=False)  # a worker may lack descriptors, too, and write that
    assert "Too many open files" in named(events, "not started")[0]["error"]


def test_the_pause_doubles_while_workers_are_killed_at_once():
    def scenario(run):
        for killed in (2, 4, 6, 8):
            for worker in run.idle(2):
                os.kill(worker.pid, signal.SIGKILL)
            run.until(lambda killed=killed: run.workers.deaths == killed, 2)
        run.idle(2)[0].give(1, LONG_S)
        run.until(lambda: run.answers, 2)
        os.kill(run.workers.idle[0].pid, signal.SIGKILL)
        run.idle(2)

    events = run_as_main(scenario)
    pauses = [each["seconds"] for each in named(events, "back-off")]
    assert pauses[:4] == sorted(pauses[:4])
    assert len(pauses) <= 9, "one for each round, not one for each death"


def test_a_worker_that_takes_too_long_with_an_item_is_killed(start_method):
    def scenario(run):
        (worker,) = run.idle()
        worker.give(5, 0.1)
        run.until(lambda: run.answers)
        assert run.answers == [(5, None)]

    events = run_as_main(scenario, start_method, keep)
    assert [each["item"] for each in named(events, "overdue")] == [5]
    (killed,) = [data for data in ends(events, "killed") if data["item"] == 5]
    assert killed["hand"] == "item 5 in hand"
    (row, *_) = named(events, "workers")
    told = re.fullmatch(r"killed by SIGKILL after (\d+\.\d) s", row["died_of"])
    assert float(told[1]) >= 0.1, "not before its deadline"
    assert not named(events, "back-off"), "its death was our doing"


def test_a_request_to_stop_arrives_while_it_waits_and_not_before(start_method):
    def scenario(run):
        run.idle(2)
        os.kill(os.getpid(), signal.SIGTERM)
        assert run.workers.may_go_on
        assert list(run.workers.next_answers()) == []
        assert not run.workers.may_go_on

    assert len(named(run_as_main(scenario, start_method), "stopped early")) == 1
