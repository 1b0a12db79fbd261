"""spawn: two ways to start a process, and what the parent knows."""

import signal
from multiprocessing.process import BaseProcess

import pytest
from harness import run


def play(*args, start_method="fork", **options):
    return run("spawn", "--json", *args, start_method=start_method, **options)


def hellos(result):
    return {event.role: event for event in result.named("hello") if event.role != "main"}


def test_both_ways_make_new_processes_that_end(start_method):
    result = play("--work", "0", start_method=start_method)
    result.assert_clean(status=0)
    said = hellos(result)
    assert sorted(said) == ["child-0", "child-1", "child-2", "child-3"]
    assert len({event.pid for event in said.values()}) == 4
    assert {event.data["way"] for event in said.values()} == {"the target function", "run() of a subclass"}
    for row in result.named("children"):
        assert row.data["pid"] == said[row.data["child"]].pid
        assert row.data["exitcode"] == 0
        assert row.data["start_ms"] > 0
    assert result.summary["joined"] == 4


def test_the_answer_says_how_many_were_killed():
    result = play("--children", "1", "--style", "function", "--work", "60", "--kill", "child-0@0")
    assert result.assert_clean(1).summary["answer"] == "1 of 1 children did not end by themselves."


@pytest.mark.parametrize("style", ["function", "subclass"])
def test_one_way_of_the_two(style):
    result = play("--style", style, "--children", "3", "--work", "0")
    assert {row.data["way"] for row in result.named("children")} == {style}
    assert len(result.named("children")) == 3


def test_run_called_by_hand_makes_no_process():
    result = play("--work", "0")
    main = result.events[0].pid
    by_hand = [event for event in result.named("hello") if event.role == "main"]
    assert [event.pid for event in by_hand] == [main, main]
    assert [event.data["ran_in"] for event in result.named("called run")] == [main, main]
    refusals = [event.data["error"] for event in result.named("not joinable")]
    assert refusals == ["can only join a started process"] * 2


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
@pytest.mark.core
def test_the_parent_is_the_process_that_called_start(start_method):
    result = play("--work", "0", start_method=start_method)
    main = result.events[0].pid
    assert {event.data["ppid"] for event in hellos(result).values()} == {main}


def test_under_forkserver_the_parent_is_the_fork_server():
    result = play("--work", "0", start_method="forkserver")
    main = result.events[0].pid
    (parent,) = {event.data["ppid"] for event in hellos(result).values()}
    assert parent not in {event.pid for event in result.events}
    assert parent != main


def test_what_the_parent_sees_while_a_child_works_and_afterwards(start_method):
    result = play("--style", "function", "--work", "0.3", start_method=start_method)
    for event in result.named("started"):
        assert (event.data["alive"], event.data["exitcode"]) == (True, None)
    assert len(result.named("exited")) == 2
    for event in result.named("exited"):
        assert (event.data["alive"], event.data["exitcode"], event.data["by"]) == (False, 0, "")


def test_terminate_ends_them_at_once(start_method):
    result = play("--work", "60", "--terminate", "--style", "function", start_method=start_method, within=10)
    result.assert_clean(status=0)
    assert [row.data["exitcode"] for row in result.named("children")] == [-signal.SIGTERM] * 2
    assert not [event for event in result.named("work") if event.kind == "end" and event.role != "main"]
    assert [event.data["by"] for event in result.named("exited")] == ["main"] * 2


def test_interrupt_lets_finally_run_and_terminate_does_not(start_method):
    args = ("--work", "60", "--style", "function", "--children", "1")
    result = play(*args, "--interrupt", start_method=start_method, within=10)
    result.assert_clean(status=0, stderr_lines=0)
    assert [event.role for event in result.named("finally")] == ["child-0"]
    assert [(event.data["exitcode"], event.data["by"]) for event in result.named("exited")] == [(0, "")]
    (told,) = result.named("told to end")
    by_hand = f"os.kill({result.named('children')[0].data['pid']}, SIGINT)"
    assert told.data["call"] == ("interrupt()" if hasattr(BaseProcess, "interrupt") else by_hand)
    terminated = play(*args, "--terminate", start_method=start_method, within=10).assert_clean(0)
    assert not terminated.named("finally")


def test_both_ends_at_once_are_refused():
    result = run("spawn", "--terminate", "--interrupt").assert_clean(2, stderr_lines=2)
    assert "a child can be ended once" in result.stderr


@pytest.mark.parametrize(
    "way", [(), ("--terminate",), ("--interrupt",)], ids=["returned", "terminated", "interrupted"]
)
def test_every_join_is_on_the_screen(way):
    result = run("spawn", "--style", "function", "--work", "0.2", "-v", *way)
    assert result.stdout.count("is joined: is_alive False, exitcode ") == 2


def test_the_environment_and_the_screen():
    result = run("spawn", "--work", "0", env={"PROCDEMO_SPAWN_CHILDREN": "1"})
    result.assert_clean(status=0)
    assert "I called run() myself: it ran in my PID, " in result.stdout
    assert "\n2 of 2 children joined; " in result.stdout
