"""The comparisons themselves, each in the shortest time that it needs."""

import contextlib
import functools
import os
import signal
import sys
from multiprocessing import active_children, get_all_start_methods, get_context

import pytest
from harness import Command, run
from processes import command_line
from selection import only, some_of

from procdemo.bench import queues, start
from procdemo.catalog import BENCHES
from procdemo.demo.settings import CannotRunError, usable_cpus

INTERPRETERS = sys.version_info >= (3, 14)
DESIGNS = {
    "bench servers": {
        "iterative: one worker",
        "3 pre-forked workers",
        "Pool(3)",
        "a thread for each",
        "a pool of 3 threads",
        "asyncio",
        "uvloop",
        f"{usable_cpus()} pre-forked event loops",
        "a process for each, fork",
        "a process for each, spawn",
        "a process for each, forkserver",
    },
    "bench start": {
        "thread",
        "os.fork()",
        *(f"{what}, {method}" for what in ("Process", "Pool(2)") for method in get_all_start_methods()),
        *(["Interpreter", "InterpreterPoolExecutor(2)"] if INTERPRETERS else []),
    },
    "bench queues": {
        "Queue",
        "JoinableQueue",
        "SimpleQueue",
        "Pipe and two locks",
        "Manager().Queue",
        "Queue, 100 in a message",
        "Pipe, 100 in a message",
        "queue.Queue, threads",
    },
    "bench pools": {
        "Pool.map",
        "Pool.apply_async, a callback",
        "executor.submit",
        *(f"Pool.imap_unordered, chunks of {size}" for size in (1, 8, 64, 512)),
        *(f"executor.map, chunks of {size}" for size in (1, 64)),
        *(["interpreters.submit"] if INTERPRETERS else []),
    },
}
HELD = 20
SHORT = {
    "bench servers": ["--workers", "3", "--hold", str(HELD), "--patience", "1"],
    "bench pools": ["--workers", "2"],
}
some_benches = pytest.mark.parametrize("row", some_of(BENCHES, 1), ids=lambda row: row.name)
QUICK = [row for row in BENCHES if row.name in {"bench start", "bench pools"}]
"""The others take longest: one of them starts eleven servers."""


def measure(row, *args, **options):
    """Run a comparison in the least time it needs."""
    args = [*row.name.split(), "--budget", "0.1", *SHORT.get(row.name, []), *args]
    return run(*args, limit=55, **options).assert_clean(0)


@pytest.fixture(scope="module")
def found():
    """Return a function that returns the run of a comparison; each is run once, because it takes long."""
    return functools.cache(lambda row: measure(row, "--json"))


@pytest.mark.parametrize("row", only(QUICK, BENCHES), ids=lambda row: row.name)
def test_every_design_has_a_row_and_a_sample_of_each_figure(row, found):
    samples = [event.data for event in found(row).named("sample") if event.kind == "end"]
    for unit in {sample["unit"] for sample in samples}:
        rows = {event.data["design"]: event.data for event in found(row).named(unit)}
        assert set(rows) == DESIGNS[row.name]
        for design, told in rows.items():
            figures = [
                sample["figure"] for sample in samples if (sample["design"], sample["unit"]) == (design, unit)
            ]
            assert min(figures) > 0
            assert told["low"] == float(f"{min(figures):.4g}") <= told["median"] <= told["high"]
        assert max(told["bar"] for told in rows.values()) == 1
    assert found(row).summary["rounds"] == len(samples) // len(DESIGNS[row.name]) >= 1


@pytest.mark.parametrize("row", only(QUICK[-1:], BENCHES), ids=lambda row: row.name)
def test_a_run_can_be_compared_with_one_before(row, found, tmp_path):
    old = tmp_path / "old.jsonl"
    old.write_text(found(row).stdout)
    told = measure(row, "--compare", str(old)).stdout
    assert "changes" in told
    assert "█" in told


@some_benches
def test_a4_ctrl_c_ends_it_whatever_it_measures(row):
    with begun(row) as command:
        command.signal_group(signal.SIGINT)
        command.finish(within=3).assert_clean(130, stderr_lines=0)


def test_the_resource_tracker_is_in_another_process_group_than_the_demo():
    with begun(next(row for row in BENCHES if row.name == "bench start")) as command:
        trackers = [pid for pid in command.descendants() if "resource_tracker" in command_line(pid)]
        assert trackers
        assert command.events[0].pid not in map(os.getpgid, trackers)


@some_benches
def test_a7_it_does_not_outlive_the_command(row, start_method):
    with begun(row, "--start-method", start_method) as command:
        assert command.descendants()
        command.signal(signal.SIGKILL)
        command.finish(within=3).assert_clean(-signal.SIGKILL)


@contextlib.contextmanager
def begun(row, *args):
    """Start a comparison that takes long, and wait for its first sample."""
    with Command(*row.name.split(), "--json", *SHORT.get(row.name, []), *args) as command:
        command.wait_event("sample", limit=30)
        yield command


@pytest.fixture
def table(found):
    """Return a column of a table of `bench servers`, by design."""

    def column(name, key):
        return {event.data["design"]: event.data[key] for event in found(BENCHES[0]).named(name)}

    return column


@pytest.mark.thorough
def test_held_clients_are_counted_and_the_reason_for_no_more_is_given(table):
    held, why = table("clients held", "held"), table("clients held", "why not more")
    assert held["iterative: one worker"] == 1
    assert {held[name] for name in ("3 pre-forked workers", "Pool(3)", "a pool of 3 threads")} == {3}
    assert {why[name] for name in held if held[name] <= 3} >= {"the next one waits"}
    assert held["asyncio"] == held["uvloop"] == held[f"{usable_cpus()} pre-forked event loops"] == HELD
    kib = table("clients held", "kib each")
    assert kib["a process for each, fork"] > 10 * kib["a thread for each"], "a process weighs more"


@pytest.mark.thorough
def test_the_servers_own_cpu_time_is_counted_over_all_their_processes(table):
    connection = table("server's CPU time, us", "connection")
    request = table("server's CPU time, us", "request_64")
    assert connection["a process for each, spawn"] > 5 * connection["a process for each, fork"]
    assert connection["a process for each, fork"] > 3 * connection["a thread for each"]
    assert all(0 < cost < 1000 for cost in request.values()), "connected, all cost about the same"


@pytest.mark.thorough
def test_our_clients_are_measured_too(table):
    for column in ("connection", "request_1", "request_8", "request_64"):
        assert all(0 <= share <= 105 for share in table("our clients' CPU, %", column).values())
    p50, p99 = table("round trip, ms", "p50_64"), table("round trip, ms", "p99_64")
    assert all(0 < p50[name] <= p99[name] for name in p50)


@pytest.mark.thorough
def test_batches_are_many_times_faster_than_single_items():
    result = run("bench", "queues", "--json", "--budget", "1", limit=50).assert_clean(0)
    rows = {event.data["design"]: event.data["median"] for event in result.named("items per second")}
    assert rows["Queue, 100 in a message"] > 5 * rows["Queue"] > 5 * rows["Manager().Queue"]


def test_a_killed_member_of_a_team_is_noticed(start_method):
    """It may have held the queue's lock: then the other members wait for ever."""
    context, team = get_context(start_method), queues.Team()
    queue = context.Queue()
    gates = [team.start(context.Process, queues.consume, queue.get, None) for _ in range(2)]
    assert team.receive(gates) == ["ready", "ready"]
    killed, other = active_children()
    os.kill(killed.pid, signal.SIGKILL)
    with pytest.raises(CannotRunError, match=f"PID {killed.pid} ended with status -9"):
        team.receive(gates)
    other.kill()
    other.join()


def test_a_process_that_fails_gives_no_figure(start_method):
    """It may have ended before it has done anything."""
    context = get_context(start_method)
    with pytest.raises(CannotRunError, match="exit status 3"):
        start.start_and_join(lambda target: context.Process(target=os._exit, args=(3,)), 1)  # noqa: ARG005


def test_a_team_that_is_interrupted_is_killed_before_what_it_uses_ends(start_method):
    """Otherwise its members complain with tracebacks."""
    context = get_context(start_method)
    queue = context.Queue()
    with pytest.raises(KeyboardInterrupt), queues.Team() as team:  # noqa: PT012
        team.receive([team.start(context.Process, queues.consume, queue.get, None)])
        (member,) = active_children()
        raise KeyboardInterrupt
    member.join()
    assert member.exitcode == -signal.SIGKILL


def test_the_break_even_follows_from_the_way(found):
    (row,) = [row for row in BENCHES if row.name == "bench pools"]
    for event in found(row).named("break-even"):
        assert event.data["pays_from_us"] == pytest.approx(2 * event.data["way_us"], abs=0.2)


@pytest.mark.thorough
def test_memory_of_an_idle_process(found, start_method):
    (row,) = [row for row in BENCHES if row.name == "bench start"]
    memory = {event.data["design"]: event.data["own_kib"] for event in found(row).named("memory")}
    assert memory[f"Process, {start_method}"] > 500
    assert memory["Process, fork"] < memory["Process, spawn"], "a new interpreter shares nothing"
    assert memory["thread"] < memory["Process, fork"], "a thread shares all"
    assert memory["thread"] < memory.get("Interpreter", float("inf")), "it imports everything anew"
    assert memory[f"Pool(2), {start_method}"] > memory[f"Process, {start_method}"]


@pytest.mark.parametrize("name", ["bench start", "bench pools"])
def test_where_there_are_no_sub_interpreters_one_line_says_so(found, name):
    (row,) = [row for row in BENCHES if row.name == name]
    assert len(found(row).named("no interpreters")) == (not INTERPRETERS)


@pytest.mark.parametrize("args", [["bench"], ["bench", "--help"]])
def test_the_group_lists_the_comparisons(args):
    told = run(*args).assert_clean(0).stdout
    assert "procdemo bench queues" in told
    assert all(row.name.removeprefix("bench ") in told for row in BENCHES)


def test_a_wrong_name():
    result = run("bench", "qeues").assert_clean(2, stderr_lines=4)
    assert "Did you mean 'queues'?" in result.stderr


def test_its_source_is_shown():
    assert run("source", "bench", "queues").assert_clean(0).stdout.startswith('"""How many small items')
