"""prodcons: back-pressure, acknowledging, and an account of every bun, whatever is killed."""

import os
import re
import signal
from pathlib import Path

import pytest
from bunaccounts import account_of, missing
from exits import ends
from harness import Command, run
from waiting import wait_until


def play(*args, **options):
    return run("prodcons", "--json", *args, **options)


# --- no process is killed


def test_every_bun_is_eaten_once(start_method):
    result = play("--items", "30", "--work", "0", start_method=start_method)
    result.assert_clean(status=0)
    assert account_of(result, 30)["done"] == 30
    eaten = [event for event in result.named("eats") if event.kind == "end"]
    assert sorted(int(event.data["id"]) for event in eaten) == list(range(30))
    assert {event.role for event in eaten} <= {"consumer-0", "consumer-1"}
    rows = {row.data["name"]: row.data["pid"] for row in result.named("processes")}
    ended = {data["child"]: data["child_pid"] for data in ends(result.events, "exited")}
    killed = {data["child"]: data["child_pid"] for data in ends(result.events, "killed")}
    assert sorted(ended) == ["producer-0", "producer-1"]
    assert sorted(killed) == ["consumer-0", "consumer-1"], "main kills them at the end"
    assert ended | killed == rows


@pytest.mark.thorough
def test_d1_ten_thousand_items_are_each_eaten_once(start_method):
    args = ("--items", "10000", "--producers", "4", "--consumers", "4", "--work", "0", "-v")
    result = play(*args, start_method=start_method, within=50, limit=50)
    result.assert_clean(status=0)
    summary = account_of(result, 10_000)
    assert (summary["done"], summary["lost"], summary["failed"]) == (10_000, 0, 0)
    eaten = [int(event.data["id"]) for event in result.named("eats") if event.kind == "end"]
    assert sorted(eaten) == list(range(10_000))


def test_each_producer_makes_its_own_buns():
    result = play("--items", "20", "--producers", "3", "--work", "0")
    for event in result.named("bun"):
        if event.kind == "send":
            assert event.role == f"producer-{int(event.data['id']) % 3}"


def test_the_queue_holds_producers_back():
    result = play("--items", "20", "--maxsize", "3", "--consumers", "1", "--work", "0.05")
    result.assert_clean(status=0)
    depths = [event.data["depth"] for event in result.named("bun") if event.kind == "send"]
    assert max(depths) == 3
    blocked = [event for event in result.named("put") if event.kind == "end"]
    assert blocked
    assert result.summary["put_s"] > result.summary["get_s"]
    assert result.summary["slower"] == "consumers"


def test_consumers_report_their_wait_for_slow_producers():
    result = play("--items", "4", "--consumers", "4", "--work", "0")
    assert any(event.kind == "begin" and event.role.startswith("consumer") for event in result.named("get"))


def test_a_batch_is_one_message():
    result = play("--items", "20", "--producers", "1", "--batch", "8", "--work", "0")
    result.assert_clean(status=0)
    sent = [event.data["id"] for event in result.named("bun") if event.kind == "send"]
    assert sent == ["0-7", "8-15", "16-19"]
    assert account_of(result, 20)["done"] == 20


def test_buns_beyond_the_detail_are_counted_not_reported():
    result = play("--items", "50", "--detail", "10", "--work", "0")
    sent = {int(event.data["id"]) for event in result.named("bun") if event.kind == "send"}
    assert sent == set(range(10))
    assert account_of(result, 50)["done"] == 50


def test_the_screen_tells_the_same_story():
    result = run("prodcons", "--items", "4", "-v")
    result.assert_clean(status=0)
    assert re.search(r"producer-1 +\d+  puts bun 1; \d of 5 in the queue", result.stdout)
    assert re.search(r"consumer-\d +\d+  has eaten bun 3", result.stdout)
    assert "\nproduced 4 = done 4 + failed 0 + lost 0\nok: The " in result.stdout


# --- work that is lost


def test_acknowledged_early_is_lost_at_the_end_by_name(start_method):
    # They are eaten for far longer than it takes to end a run, and are acknowledged before.
    result = play("--ack", "early", "--items", "2", "--work", "60", start_method=start_method)
    result.assert_clean(status=1)
    summary = account_of(result, 2)
    assert summary["lost"] > 0
    assert all("in the hands of consumer-" in fate for fate in missing(result).values())
    assert summary["answer"].endswith("items are lost: join() came back before the work was done.")


def test_acknowledged_late_nothing_is_lost_in_the_same_run():
    result = play("--ack", "late", "--items", "8", "--work", "0.05")
    result.assert_clean(status=0)
    assert missing(result) == {}


def test_d6_an_item_that_cannot_be_pickled_is_refused_by_name(start_method):
    result = play("--items", "12", "--work", "0", "--unpicklable", "5", start_method=start_method, within=10)
    result.assert_clean(status=1)
    assert missing(result) == {5: "refused: cannot be pickled"}
    (refused,) = result.named("refused")
    assert (refused.data["item"], refused.role) == (5, "producer-1")
    assert account_of(result, 12)["failed"] == 1


def test_only_the_unpicklable_one_of_a_batch_is_refused():
    result = play("--items", "12", "--work", "0", "--batch", "6", "--unpicklable", "5")
    assert missing(result) == {5: "refused: cannot be pickled"}


# --- processes that are killed


def kill(start_method, *roles, args=()):
    """Run, kill the processes with these roles once each is at work, return how it ended."""
    with Command("prodcons", "--json", "--items", "200", *args, start_method=start_method) as command:
        pids = [command.wait_event(lambda event, role=role: event.role == role).pid for role in roles]
        command.wait_event(lambda event: event.name == "eats" and event.kind == "end")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return pids, command.finish(within=8)


@pytest.mark.parametrize("role", ["consumer-0", "producer-0"])
def test_a_killed_process_is_named_and_every_bun_accounted_for(start_method, role):
    (pid,), result = kill(start_method, role)
    result.assert_clean(status=1)
    (died,) = ends(result.events)
    assert (died["child"], died["child_pid"], died["cause"]) == (role, pid, "killed by SIGKILL")
    summary = account_of(result, 200)
    assert not summary["ok"]
    assert len(missing(result)) == 200 - summary["done"]


@pytest.mark.core
def test_d3_all_consumers_killed_at_once(start_method):
    pids, result = kill(start_method, "consumer-0", "consumer-1")
    result.assert_clean(status=1)
    assert {data["child_pid"] for data in ends(result.events)} == set(pids)
    assert account_of(result, 200)["lost"] > 0
    assert any(fate == "still in the queue" for fate in missing(result).values())


def is_in_the_middle_of_a_message(pid):
    """Tell whether a thread of this process waits for room in a pipe."""
    waits = [(task / "wchan").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return any("pipe_write" in place for place in waits)


def test_d4_a_producer_killed_in_the_middle_of_a_message(start_method):
    """No consumer can read on, not even the one that has the lock."""
    big = ("--items", "300000", "--batch", "10000", "--maxsize", "30", "--work", "0.0001", "--producers", "1")
    with Command("prodcons", "--json", *big, start_method=start_method) as command:
        producer = command.wait_event(lambda event: event.role == "producer-0").pid
        wait_until(lambda: is_in_the_middle_of_a_message(producer))
        os.kill(producer, signal.SIGKILL)
        result = command.finish(within=10).assert_clean(1)
    (died,) = ends(result.events)
    assert died["child_pid"] == producer
    assert account_of(result, 300_000)["lost"] > 0
    assert any(fate == "still in the queue" for fate in missing(result).values())


def test_a_killed_main_process_is_reported():
    with Command("prodcons", "--json", "--items", "200") as command:
        main = command.wait_event("meta").pid
        command.wait_event("eats")
        os.kill(main, signal.SIGKILL)
        result = command.finish(within=5)
    result.assert_clean(status=1)
    assert "SIGKILL" in result.summary["reason"]


def test_the_time_limit_ends_it():
    result = play("--items", "200", "--work", "1", "--timeout", "0.5", within=10)
    result.assert_clean(status=4)


def test_asked_to_stop_it_names_what_is_not_done(start_method):
    args = ("prodcons", "--consumers", "1", "--items", "9", "--work", "30", "--maxsize", "2", "--json")
    with Command(*args, start_method=start_method) as command:
        eaten = command.wait_event(lambda event: event.name == "eats")
        command.signal_group(signal.SIGINT)
        result = command.finish(within=3).assert_clean(130)
    summary = account_of(result, 9)
    assert (summary["done"], summary["lost"], summary["ok"]) == (0, 0, False)
    assert summary["reason"] == "interrupted: 0 of 9 done"
    assert missing(result)[int(eaten.data["id"])] == f"in the hands of consumer-0 (PID {eaten.pid})"


def test_what_a_dead_process_had_in_hand_is_lost_also_if_the_run_is_interrupted():
    args = ("prodcons", "--consumers", "2", "--items", "9", "--work", "30", "--json")
    with Command(*args) as command:
        eaten = command.wait_event(lambda event: event.name == "eats" and event.role == "consumer-0")
        os.kill(eaten.pid, signal.SIGKILL)
        command.wait_event("exited")
        command.signal(signal.SIGTERM)
        result = command.finish(within=3).assert_clean(143)
    summary = account_of(result, 9)
    assert summary["lost"] == 1
    assert summary["reason"] == "interrupted: 0 of 9 done, 1 lost"
