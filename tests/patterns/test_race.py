"""race: every order can be had, and eighteen of twenty lose an update."""

import os
import signal
import subprocess

import pytest
from harness import Command, run


def play(*args, **options):
    return run("race", "--json", *args, **options)


def outcomes(result):
    return {event.data["order"]: event.data for name in ("outcome", "orders") for event in result.named(name)}


def groups(result):
    """Return the orders by their verdicts."""
    return {event.data["verdict"]: set(event.data["orders"].split()) for event in result.named("group")}


def steps(result):
    """Return which process took which step, in order."""
    done = [event for event in result.events if event.name in {"read", "add", "write", "kept out"}]
    return [(event.role, event.name, event.data.get("value")) for event in done]


# --- one order


def test_both_read_before_one_writes(start_method):
    result = play("--schedule", "ABABAB", start_method=start_method).assert_clean(0, stderr_lines=0)
    assert steps(result) == [
        ("A", "read", 0),
        ("B", "read", 0),
        ("A", "add", 1),
        ("B", "add", 1),
        ("A", "write", 1),
        ("B", "write", 1),
    ]
    assert outcomes(result)["ABABAB"]["counter"] == 1
    assert result.summary["lost"] == 1


def test_one_after_the_other():
    result = play("--schedule", "bbbaaa").assert_clean(0)
    assert steps(result)[2:4] == [("B", "write", 1), ("A", "read", 1)]
    assert outcomes(result)["BBBAAA"]["counter"] == 2
    assert result.summary["lost"] == 0


def test_they_are_two_processes_and_main_is_the_third():
    result = play().assert_clean(0)
    assert len({event.pid for event in result.events if event.role in {"A", "B", "main"}}) == 3


@pytest.mark.parametrize("order", ["", "AAB", "AAABBBA", "ABCABC", "AAAABB"])
def test_a_wrong_order_is_wrong_usage(order):
    result = play(f"--schedule={order}")
    result.assert_clean(2, stderr_lines=0)
    assert "three A and three B" in result.summary["reason"]


# --- all of them


def test_eighteen_of_twenty_lose_an_update(start_method):
    result = play("--all", start_method=start_method).assert_clean(0)
    found = outcomes(result)
    assert len(found) == 20
    assert all(sorted(order) == list("AAABBB") and row["taken"] == order for order, row in found.items())
    assert {order for order, row in found.items() if row["counter"] == 2} == {"AAABBB", "BBBAAA"}
    assert (result.summary["lost"], result.summary["ways"]) == (18, 20)
    assert groups(result)["loses no update"] == {"AAABBB", "BBBAAA"}
    assert len(groups(result)["loses an update"]) == 18


def test_with_a_lock_two_orders_remain(start_method):
    result = play("--all", "--fix", "lock", start_method=start_method).assert_clean(0)
    assert {row["taken"] for row in outcomes(result).values()} == {"AAABBB", "BBBAAA"}
    assert {row["counter"] for row in outcomes(result).values()} == {2}
    assert (result.summary["lost"], result.summary["ways"]) == (0, 2)
    forbidden, allowed = (groups(result)[verdict] for verdict in ("forbidden by the lock", "loses no update"))
    assert allowed == {"AAABBB", "BBBAAA"}
    assert forbidden == outcomes(result).keys() - allowed
    assert result.summary["answer"] == "The lock forbids 18 of the 20 orders. The others lose no update."


def test_the_lock_keeps_the_second_out():
    result = play("--schedule", "ABABAB", "--fix", "lock").assert_clean(0)
    assert steps(result)[:2] == [("A", "read", 0), ("B", "kept out", None)]
    assert steps(result)[-1] == ("B", "write", 2)
    assert "forbids this order. It became AAABBB" in result.summary["answer"]


@pytest.mark.parametrize("args", [["--all"], ["--all", "--fix", "lock"]], ids=" ".join)
def test_all_orders_are_one_screen(args):
    lines = run("race", *args, env={"COLUMNS": "80"}).assert_clean(0).stdout.splitlines()
    assert len(lines) <= 22


# --- the learner is the scheduler


def asked(command, nth):
    command.wait_event("ask", nth)


def test_the_user_chooses_every_step():
    with Command("race", "--json", "--step", stdin=subprocess.PIPE) as race:
        for nth, letter in enumerate("abbaba", start=1):
            asked(race, nth)
            race.stdin.write(f"{letter}\n".encode())
        result = race.finish().assert_clean(0)
    assert result.named("outcome")[0].data["taken"] == "ABBABA"
    boards = [tuple(event.data[name] for name in ("A", "B", "counter")) for event in result.named("board")]
    assert boards == [(0, "-", 0), (0, 0, 0), (0, 1, 0), (1, 1, 0), (1, 1, 1), (1, 1, 1)]


def test_what_is_neither_a_nor_b_is_asked_again():
    with Command("race", "--json", "--step", stdin=subprocess.PIPE) as race:
        asked(race, 1)
        race.stdin.write(b"x\xff\n\n")
        asked(race, 3)
        race.stdin.write(b"AAABBB")
        race.stdin.close()
        result = race.finish().assert_clean(0)
    assert result.named("outcome")[0].data["taken"] == "AAABBB"


def test_when_the_input_ends_they_take_turns():
    result = play("--step").assert_clean(0)  # its stdin is empty
    assert result.named("outcome")[0].data["taken"] == "ABABAB"


def test_more_input_than_is_read():
    with Command("race", "--json", "--step", stdin=subprocess.PIPE) as race:
        race.stdin.write(b"A\n" * 3 + b"B\n" * 20_000)
        result = race.finish().assert_clean(0)
    assert result.named("outcome")[0].data["taken"] == "AAABBB"


def test_ctrl_c_while_it_asks():
    with Command("race", "--json", "--step", stdin=subprocess.PIPE) as race:
        asked(race, 1)
        race.signal_group(signal.SIGINT)
        race.finish(within=5).assert_clean(130)


# --- broken


@pytest.mark.parametrize("fix", [[], ["--fix", "lock"]], ids=["unlocked", "locked"])
def test_a_process_that_dies_between_two_steps_is_named(start_method, fix):
    with Command("race", "--json", "--step", *fix, stdin=subprocess.PIPE, start_method=start_method) as race:
        asked(race, 1)
        race.stdin.write(b"A\n")
        os.kill(race.wait_event("read").pid, signal.SIGKILL)
        race.stdin.write(b"A\n")
        result = race.finish(within=5).assert_clean(1, stderr_lines=0)
    assert "A was killed at step 2" in result.summary["reason"]
