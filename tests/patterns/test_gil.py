"""gil: the same work in three ways, or four, and a verdict unless the rounds differ too much."""

import os
import signal
import sys

import pytest
from harness import Command, run
from selection import only

from procdemo.patterns.gil import ROUNDS

INTERPRETERS = sys.version_info >= (3, 14)
WAYS = ["one thread", "3 threads", "3 processes", *(["3 interpreters"] if INTERPRETERS else [])]


def play(*args, **options):
    return run("gil", "--json", "--seconds", "0.05", "-v", *args, **options)


def pieces(result):
    return [event for event in result.events if (event.kind, event.name) == ("end", "work")]


@pytest.mark.parametrize("work", only({"cpu", "wait"}, ["cpu", "wait", "call"]))
def test_the_same_pieces_in_every_way(work):
    result = play("--work", work, "--workers", "3").assert_clean(0, stderr_lines=0)
    assert [event.data["way"] for event in result.named("ways")] == WAYS
    done = pieces(result)
    assert len(done) == 3 * len(WAYS) * ROUNDS
    assert len({(event.pid, event.tid) for event in done}) == 1 + 3 * (len(WAYS) - 1)
    assert len({event.pid for event in done}) == 1 + 3
    assert {event.data["where"] for event in done} >= {f"{number} of {WAYS[-1]}" for number in (1, 2, 3)}
    assert len(result.named("no interpreters")) == (not INTERPRETERS)
    gains = {"threads", "processes", "interpreters"} & result.summary.keys()
    assert len(gains) == len(WAYS) - 1
    assert all(result.summary[name] > 0 for name in gains)


@pytest.mark.thorough
def test_processes_under_every_start_method(start_method):
    result = play("--workers", "2", start_method=start_method).assert_clean(0, stderr_lines=0)
    assert {event.role for event in pieces(result)} == {"main", "worker-0", "worker-1"}
    assert all(row.data["wall_s"] > 0 for row in result.named("ways"))


def test_waiting_costs_no_cpu_and_threads_gain_by_it():
    result = play("--work", "wait", "--workers", "8").assert_clean(0)
    one, threads, *_ = (event.data for event in result.named("ways"))
    assert one["wall_s"] >= 8 * 0.05  # sleep() never returns early
    assert threads["wall_s"] < one["wall_s"]
    assert one["cpus"] < 0.5


@pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="this Python has no GIL")
def test_with_a_gil_threads_never_use_two_cpus():
    result = play("--workers", "2", "--seconds", "0.1").assert_clean(0)
    one, threads, *_ = (event.data for event in result.named("ways"))
    assert max(one["cpus"], threads["cpus"]) <= 1.1
    assert result.named("build")[0].data["gil"] == "a GIL"


@pytest.mark.thorough
def test_a_call_that_keeps_the_gil_makes_the_ticker_late():
    result = play("--work", "call", "--seconds", "0.15", "--workers", "2").assert_clean(0)
    one = result.named("ways")[0].data
    assert one["late_ms"] > 80
    assert "@" in one["lateness"]


@pytest.mark.thorough
def test_a_busy_machine_is_a_warning():
    burn = "import os\nany(os.fork() == 0 for _ in os.sched_getaffinity(0))\nprint('busy')\nwhile True: 0"
    with Command("-uc", burn, program=[sys.executable]) as burner:
        burner.wait_line("busy")
        result = play("--workers", "2", "--seconds", "0.15").assert_clean(0)
    assert result.named("too busy")[0].data["others"] > 0.2
    words = result.summary["verdict"].split()
    assert {"faster", "differ"} & set(words)
    assert result.summary["outcome"] == ("not conclusive" if "differ" in words else "")


def test_a_killed_worker_is_named(start_method):
    args = ("--work", "wait", "--seconds", "1", "--workers", "2")  # the processes are at work for 3 s
    with Command("gil", "--json", *args, start_method=start_method) as gil:
        worker = gil.wait_event(lambda event: event.role == "worker-0" and event.kind == "begin", limit=20)
        os.kill(worker.pid, signal.SIGKILL)
        result = gil.finish(within=20).assert_clean(1, stderr_lines=0)
    assert "was killed" in result.summary["reason"]
