"""supervise: which worker has which item, what it died of, and an account of every item."""

import os
import re
import signal

import pytest
from batches import accounted, not_done
from exits import ends
from harness import Command, run
from order import assert_in_order


def play(*args, **options):
    return run("supervise", "--json", *args, **options)


def at_work(command, nth=1):
    """Wait until `nth` items were begun; return the event."""
    return command.wait_event(lambda event: (event.kind, event.name) == ("begin", "works"), nth)


# --- no worker is killed


def test_every_item_is_done_once(start_method):
    result = play("--items", "30", "--work", "0", "-n", "3", start_method=start_method)
    result.assert_clean(0, stderr_lines=0)
    summary = accounted(result, 30)
    assert (summary["done"], summary["deaths"], summary["retried"]) == (30, 0, 0)
    ends = [event for event in result.named("works") if event.kind == "end"]
    assert sorted(event.data["item"] for event in ends) == list(range(30))
    assert {event.role for event in ends} <= {"worker-0", "worker-1", "worker-2"}


def test_each_worker_has_one_item_in_hand_at_most():
    result = play("--items", "20", "--work", "0.01", "-n", "3").assert_clean(0)
    in_hand = {}
    for event in result.events:
        if event.name == "item" and event.kind == "send":
            assert event.data["worker_pid"] not in in_hand.values()
            in_hand[event.data["id"]] = event.data["worker_pid"]
        elif event.name == "done":
            del in_hand[event.data["item"]]
    assert not in_hand


def test_an_item_goes_out_and_arrives():
    result = play("--items", "5", "--work", "0").assert_clean(0)
    sent = {event.data["id"]: event for event in result.named("item") if event.kind == "send"}
    received = {event.data["id"]: event for event in result.named("item") if event.kind == "receive"}
    assert sent.keys() == received.keys() == set(range(5))
    for item, event in sent.items():
        assert event.role == "main"
        assert received[item].pid == event.data["worker_pid"]
    assert_in_order(result)


def test_no_more_workers_than_items():
    result = play("--items", "2", "--work", "0", "-n", "50").assert_clean(0)
    assert len({event.pid for event in result.named("ready")}) <= 2
    assert len(result.named("workers")) == 2


def test_the_table_of_workers_adds_up():
    result = play("--items", "20", "--work", "0", "-n", "2").assert_clean(0)
    rows = [event.data for event in result.named("workers")]
    assert [row["worker"] for row in rows] == ["worker-0", "worker-1"]
    assert sum(row["items"] for row in rows) == 20
    assert {row["died_of"] for row in rows} == {"-"}


def test_the_screen_tells_the_same_story():
    result = run("supervise", "--items", "3", "-v").assert_clean(0)
    assert re.search(r"main +\d+  gives item 2 to worker-\d", result.stdout)
    assert re.search(r"worker-\d +\d+  works on item 2", result.stdout)
    assert re.search(r"worker-\d +\d+  item 2: done", result.stdout)
    assert "\nproduced 3 = done 3 + failed 0 + lost 0; 0 workers died" in result.stdout


# --- workers die


@pytest.mark.core
def test_a_death_is_reported_with_pid_cause_and_item(start_method):
    args = ("--items", "8", "--work", "0.5", "-n", "2")
    with Command("supervise", "--json", *args, start_method=start_method) as command:
        begun = at_work(command, 3)
        os.kill(begun.pid, signal.SIGKILL)
        result = command.finish(within=15).assert_clean(0)
    works = [event for event in result.named("works") if event.pid == begun.pid]
    assert works[-1].kind == "begin"
    item = works[-1].data["item"]
    (died,) = ends(result.events)
    assert died == {
        "child": begun.role,
        "child_pid": begun.pid,
        "exitcode": -signal.SIGKILL,
        "by": "",
        "cause": "killed by SIGKILL",
        "item": item,
        "hand": f"item {item} in hand",
    }
    (again,) = result.named("again")
    assert again.data == {"item": item, "attempt": 2, "tries": 3}
    summary = accounted(result, 8)
    assert (summary["done"], summary["retried"], summary["deaths"]) == (8, 1, 1)
    rows = {row.data["pid"]: row.data["died_of"] for row in result.named("workers")}
    assert rows.pop(begun.pid) == "killed by SIGKILL"
    assert set(rows.values()) == {"-"}


def test_an_error_is_plain_text_and_costs_no_worker(start_method):
    result = play("--items", "9", "--work", "0", "--raises", "4", start_method=start_method).assert_clean(1)
    assert not_done(result) == {4: "failed: ValueError: item 4 cannot be done (--raises)"}
    summary = accounted(result, 9)
    assert (summary["failed"], summary["deaths"], summary["retried"]) == (1, 0, 0)


@pytest.mark.parametrize("tries", [1, 2])
def test_poison_costs_as_many_workers_as_it_has_tries(tries):
    result = play("--items", "6", "--work", "0", "--poison", "0", "--tries", str(tries)).assert_clean(1)
    summary = accounted(result, 6)
    assert (summary["failed"], summary["deaths"], summary["retried"]) == (1, tries, tries - 1)
    assert [data["item"] for data in ends(result.events)] == [0] * tries


def test_poison_stuck_and_raises_at_once(start_method):
    args = ("--items", "12", "--poison", "1", "--stuck", "2", "--raises", "3", "--item-deadline", "0.5")
    result = play(*args, "--work", "0", start_method=start_method, within=20).assert_clean(1)
    assert set(not_done(result)) == {1, 2, 3}
    overdue = [event.data["item"] for event in result.named("overdue")]
    assert overdue.count(2) == 3
    slow = [item for item in overdue if item not in {1, 2}]  # on a busy machine; done by another worker
    assert accounted(result, 12)["deaths"] == 6 + len(slow)


def table_of_workers(*args):
    """Return how many workers died in a run in which many do, and the table's rows; their items add up."""
    kills = ("--items", "1200", "--work", "0.005", "--tries", "100", "-n", "4", "--chaos", "kill:0.04")
    result = play(*kills, *args, within=25).assert_clean(0)
    accounted(result, 1200)
    rows = [event.data for event in result.named("workers")]
    assert sum(row["items"] for row in rows) == 1200
    return result.summary["deaths"], [row for row in rows if row["died_of"] != "-"]


@pytest.mark.thorough
def test_many_deaths_make_no_long_table():
    deaths, dead = table_of_workers()
    assert deaths > 21
    assert len(dead) == 21
    assert dead[-1]["worker"] == f"{deaths - 20} more"
    assert dead[-1]["died_of"] == f"killed by SIGKILL ({deaths - 20})"


@pytest.mark.thorough
def test_with_v_the_table_has_all_workers():
    deaths, dead = table_of_workers("-v")
    assert len(dead) == deaths


def test_asked_to_stop_it_names_what_is_not_done(start_method):
    args = ("--items", "9", "--work", "30", "-n", "2")
    with Command("supervise", "--json", *args, start_method=start_method) as command:
        workers = {at_work(command, 1).pid, at_work(command, 2).pid}
        command.signal(signal.SIGTERM)
        result = command.finish(within=3).assert_clean(143, stderr_lines=0)
    summary = accounted(result, 9)
    assert (summary["done"], summary["lost"], summary["unfinished"]) == (0, 0, 9)
    assert (summary["outcome"], summary["reason"]) == ("interrupted", "interrupted: 0 of 9 done")
    fates = not_done(result)
    in_hand = {fate for fate in fates.values() if fate.startswith("in the hands of")}
    assert {int(re.search(r"PID (\d+)", fate)[1]) for fate in in_hand} == workers
    assert sum(fate == "waits to be done" for fate in fates.values()) == 7


def test_the_time_limit_ends_it():
    result = play("--items", "9", "--work", "30", "--timeout", "0.5", within=10).assert_clean(4)
    assert accounted(result, 9)["unfinished"] == 9
