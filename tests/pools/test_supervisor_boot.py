"""A supervisor replaces who does not come up, or not back, and gives up only when there is no hope."""

import os
import resource
import signal

from exits import ends
from supervised import LONG_S, Bomb, explode, keep, named, perform, say_nothing

import procdemo.pools.supervised_worker
import procdemo.pools.supervisor


def test_hope_ends_when_round_after_round_nobody_comes_up(start_method):
    def story(house):
        if start_method == "fork":
            os.register_at_fork(after_in_child=lambda: os._exit(7))
        house.until(lambda: not house.workers.may_go_on, 2)

    events = perform(story, start_method, explode, (Bomb(),))
    died = ends(events)
    assert {(each["cause"], each["hand"]) for each in died} == {("exit status 7", "not come up yet")}
    assert [each["seconds"] for each in named(events, "back-off")] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6]
    assert named(events, "hopeless") == [{"rounds": 7}]
    assert 7 <= len(died) <= 14


def test_who_says_nothing_is_killed_and_replaced(start_method):
    def story(house):
        procdemo.pools.supervisor.BOOT_S = procdemo.pools.supervised_worker.BOOT_S = 0.1
        house.until(lambda: house.workers.deaths == 2)

    events = perform(story, start_method, say_nothing)
    assert len(named(events, "not up")) >= 2
    assert named(events, "back-off")


def test_workers_that_cannot_be_started_are_done_without():
    def story(house):
        os.close(lowest := os.dup(0))
        few = lowest + 24  # descriptors must be below this; a worker takes four of main's
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))
        house.until(lambda: house.workers.idle, 50)
        house.workers.idle[0].give(1, LONG_S)
        house.until(lambda: house.heard, 50)
        assert house.workers.may_go_on

    events = perform(story, silent=False)  # a worker may find out for itself, and say so
    assert "Too many open files" in named(events, "not started")[0]["error"]


def test_whoever_is_killed_at_once_is_replaced_ever_more_slowly_until_it_stops():
    def story(house):
        for _ in range(4):
            for worker in house.idle(2):
                os.kill(worker.pid, signal.SIGKILL)
            house.until(lambda: not house.workers.idle, 2)
        house.idle(2)[0].give(1, LONG_S)
        house.until(lambda: house.heard, 2)
        os.kill(house.workers.idle[0].pid, signal.SIGKILL)
        house.idle(2)

    events = perform(story)
    pauses = [each["seconds"] for each in named(events, "back-off")]
    assert pauses[:4] == sorted(pauses[:4])
    assert len(pauses) <= 9, "one for each round, not one for each death"


def test_too_long_with_an_item_is_death(start_method):
    def story(house):
        (worker,) = house.idle()
        worker.give(5, 0.1)
        house.until(lambda: house.heard)
        assert house.heard == [(5, None)]

    events = perform(story, start_method, keep)
    assert [each["item"] for each in named(events, "overdue")] == [5]
    (killed,) = [data for data in ends(events, "killed") if data["item"] == 5]
    assert killed["hand"] == "item 5 in hand"
    (row, *_) = named(events, "workers")
    assert row["died_of"].startswith("killed by SIGKILL after 0.")
    assert not named(events, "back-off"), "its death was our doing"


def test_a_request_to_stop_comes_while_it_waits_and_not_before(start_method):
    def story(house):
        house.idle(2)
        os.kill(os.getpid(), signal.SIGTERM)
        assert house.workers.may_go_on
        assert list(house.workers.next_answers()) == []
        assert not house.workers.may_go_on

    assert len(named(perform(story, start_method), "stopped early")) == 1
