"""D: a batch whose workers are killed, or never return, ends, and every item has one fate.

The tutorial's batch is a bare `multiprocessing.Pool`: whose task it was that a killed worker had
in hand, it does not know (RELIABILITY: P1, P3, python/cpython#96062). Each case must fail there;
but D1, which anybody can do. Where it hangs at the end of a case, that is its failure: O1.
"""

import os
import re
import signal
from collections import Counter

import pytest
from batches import Batch, accounted, not_done
from exits import ends
from harness import run
from selection import only
from waiting import ended

SOON_S = 15.0


def d2_workers_killed_all_the_time(batch):
    """Every fourth item costs the worker that has just begun it its life."""
    with batch.start("--items", "40", "--work", "0.02") as running:
        for number in range(1, 9):
            running.kill(4 * number)
        result = running.finish(within=SOON_S).assert_clean(0)
        running.assert_accounted(result, 40)


def d3_all_workers_killed_at_once(batch):
    with batch.start("--items", "40", "--work", "0.05") as running:
        running.begun(3)
        for pid in {pid for _, pid in running.at_work()}:
            os.kill(pid, signal.SIGKILL)
        result = running.finish(within=SOON_S).assert_clean(0)
        running.assert_accounted(result, 40)


def d5_an_item_that_kills_whoever_has_it(batch):
    with batch.start("--items", "20", "--work", "0.01", "--poison", "7") as running:
        result = running.finish(within=SOON_S).assert_clean(1)
        assert not_done(result) == {7: "failed: its worker died, killed by SIGKILL, and 2 before it"}
        running.assert_accounted(result, 20)


def d7_an_item_that_never_returns(batch):
    with batch.start("--items", "20", "--work", "0.01", "--stuck", "7", item_deadline=0.3) as running:
        result = running.finish(within=SOON_S).assert_clean(1)
        (fate,) = not_done(result).values()
        told = re.match(r"failed: its worker died, killed by SIGKILL after (\d+\.\d) s", fate)
        assert float(told[1]) >= 0.3, "not before its deadline"
        running.assert_accounted(result, 20)


def a4_ctrl_c_at_work(batch):
    with batch.start("--items", "1000", "--work", "0.2") as running:
        running.begun(3)
        running.command.signal_group(signal.SIGINT)
        result = running.finish(within=2).assert_clean(130, stderr_lines=0)
        running.assert_accounted(result, 1000)


def a7_the_parent_killed(batch):
    """The workers are at work that lasts."""
    with batch.start("--items", "1000", "--work", "60") as running:
        running.begun(2)
        running.command.signal(signal.SIGKILL)
        running.finish(within=1).assert_clean(-signal.SIGKILL, stderr_lines=0)


CASES = {
    d2_workers_killed_all_the_time: "HANG",
    d3_all_workers_killed_at_once: "HANG",
    d5_an_item_that_kills_whoever_has_it: "HANG",
    d7_an_item_that_never_returns: "HANG",
    a4_ctrl_c_at_work: "(O2|HANG).*Traceback",
    a7_the_parent_killed: "O3",
}


@pytest.mark.parametrize(("case", "reason"), CASES.items(), ids=[case.__name__ for case in CASES])
@pytest.mark.thorough
def test_the_tutorial_does_not(case, reason):
    with pytest.raises(AssertionError, match=f"(?s){reason}"):
        case(Batch())


@pytest.mark.thorough
def test_d1_the_tutorial_can_do_this():
    with Batch().start("--items", "20", "--work", "0") as running:
        running.assert_accounted(running.finish(within=SOON_S).assert_clean(0), 20)


@pytest.mark.parametrize("items", only([2_000], [2_000, 10_000]))
def test_d1_every_item_is_done_once(start_method, items):
    args = ("supervise", "--json", "--items", str(items), "--work", "0", "-n4")
    result = run(*args, start_method=start_method, within=30).assert_clean(0)
    summary = accounted(result, items)
    assert (summary["done"], summary["retried"], summary["deaths"]) == (items, 0, 0)
    ends = [event.data for event in result.named("works") if event.kind == "end"]
    assert sorted(end["item"] for end in ends) == list(range(items))


def test_d2_killed_all_the_time_by_others(start_method):
    d2_workers_killed_all_the_time(Batch(start_method))


ITEMS = {"fork": 10_000, "spawn": 5_000, "forkserver": 5_000}


@pytest.mark.thorough
def test_d2_a_worker_killed_every_30_ms(start_method):
    items = ITEMS[start_method]
    chaos = ("--chaos", "kill:0.03", "--tries", "20")
    args = ("supervise", "--json", "--items", str(items), "--work", "0", *chaos)
    result = run(*args, start_method=start_method, within=40, limit=50).assert_clean(0)
    summary = accounted(result, items)
    assert summary["deaths"] > 5
    assert summary["done"] == items
    given = Counter(event.data["id"] for event in result.named("item") if event.kind == "send")
    assert sum(given.values()) == items + summary["retried"], "one item in hand, and none that nobody gave"
    faults = {event.data["target_pid"] for event in result.named("fault")}
    assert {data["child_pid"] for data in ends(result.events)} <= faults


def test_d3_all_killed_at_once(start_method):
    d3_all_workers_killed_at_once(Batch(start_method))


def test_d5_poison_fails_after_three_tries_and_the_rest_is_done(start_method):
    d5_an_item_that_kills_whoever_has_it(Batch(start_method))


def test_d7_stuck_fails_after_three_deadlines_and_the_rest_is_done(start_method):
    d7_an_item_that_never_returns(Batch(start_method))


def test_d7_a_stopped_worker_is_no_different(start_method):
    with Batch(start_method).start("--items", "150", "--work", "0.02", item_deadline=0.5) as running:
        victim = running.begun(3)
        os.kill(victim, signal.SIGSTOP)
        result = running.finish(within=SOON_S).assert_clean(0)
        accounted(result, 150)
        assert victim in {data["child_pid"] for data in ends(result.events, "killed")}
        (row,) = [row.data for row in result.named("workers") if row.data["pid"] == victim]
        killed = re.fullmatch(r"killed by SIGKILL after ([\d.]+) s", row["died_of"])
        assert float(killed[1]) >= 0.5, "not before its deadline"


def test_a4_ctrl_c_ends_it_and_every_item_is_accounted_for(start_method):
    a4_ctrl_c_at_work(Batch(start_method))


def test_a7_nothing_outlives_the_command(start_method):
    a7_the_parent_killed(Batch(start_method))


def test_a7_nothing_outlives_the_demos_main_process(start_method):
    """The stage is killed: the workers see their pipes end, or are ended, and nobody says a word."""
    with Batch(start_method).start("--items", "1000", "--work", "0.01") as running:
        running.begun(4)
        workers = {pid for _, pid in running.at_work()}
        pidfds = [os.pidfd_open(pid) for pid in workers]
        os.kill(running.command.events[0].pid, signal.SIGKILL)
        assert ended(pidfds, within=2)
        for pidfd in pidfds:
            os.close(pidfd)
        result = running.finish(within=3).assert_clean(1, stderr_lines=0)
        assert "SIGKILL" in result.summary["reason"]
