"""A run is an iterator of events, and leaving it ends every process of the demo."""

import contextlib
import multiprocessing
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing import reduction

import pytest
from harness import processes, shared_memory_left, tree

from procdemo.config import CannotRunError, Settings, StartMethod
from procdemo.stage import Stage

FORK = Settings(start_method=StartMethod.FORK)


def settings(start_method):
    return Settings(start_method=StartMethod(start_method))


def perform(run, config=FORK, **options):
    """Return all events of a run."""
    with Stage(run, config, **options) as stage:
        return list(stage)


def names(events):
    return [event.name for event in events]


def gone(pid):
    """Return whether the process is no more (one that is being reaped by nobody would be there)."""
    return pid not in processes()


# --- what a run tells


def say_hello(number, emit):
    emit.mark("hello", number=number)


def short_story(config, emit):
    emit.mark("start")
    for number in range(3):
        child = config.context().Process(target=say_hello, args=(number, emit), name=f"child-{number}")
        child.start()
        child.join()
    emit.result("summary", ok=True)


def test_events_come_in_order_from_every_process(start_method):
    events = perform(short_story, settings(start_method))
    assert names(events) == ["start", "hello", "hello", "hello", "summary"]
    assert [event.data["number"] for event in events[1:4]] == [0, 1, 2]
    assert [event.role for event in events] == ["main", "child-0", "child-1", "child-2", "main"]
    assert len({event.pid for event in events}) == 4
    assert os.getpid() not in {event.pid for event in events}
    assert [event.time_ns for event in events] == sorted(event.time_ns for event in events)


def summary_in_the_middle(config, emit):
    emit.result("summary", ok=True)
    emit.mark("afterthought")


def test_the_summary_comes_last_and_once():
    assert names(perform(summary_in_the_middle)) == ["afterthought", "summary"]


def raising(config, emit):
    emit.mark("start")
    raise ZeroDivisionError("no \x1b such thing")


def test_an_exception_becomes_an_error_mark_and_a_failing_summary():
    start, error, summary = perform(raising)
    assert start.name == "start"
    assert error.name == "error"
    assert error.data["message"].startswith("ZeroDivisionError: no ")
    assert "raise ZeroDivisionError" in error.data["traceback"]
    assert (summary.name, summary.data["ok"]) == ("summary", False)


def raising_too_much(config, emit):
    raise ValueError("x" * 100_000)


def test_even_an_exception_too_large_for_a_record_is_heard_of():
    error, summary = perform(raising_too_much)
    assert error.data["message"].startswith("ValueError: xxx")
    assert summary.data["ok"] is False


def refusing(config, emit):
    raise CannotRunError("no licence", "procdemo spawn", exit_code=3)


def test_a_refusal_says_what_to_do_instead_and_has_no_traceback():
    error, summary = perform(refusing)
    assert error.data == {"message": "no licence", "hint": "procdemo spawn", "exit_code": 3}
    assert summary.data["ok"] is False


def complain(emit):
    os.write(2, b"something is wrong\nvery wrong\n")


def complaining(config, emit):
    child = config.context().Process(target=complain, args=(emit,))
    child.start()
    child.join()
    emit.result("summary", ok=True)


def test_what_a_child_writes_to_stderr_is_an_event(start_method, capfd):
    events = perform(complaining, settings(start_method))
    said = [event.data["text"] for event in events if event.name == "stderr"]
    assert said == [b"something is wrong", b"very wrong"]
    assert capfd.readouterr() == ("", "")


def reading_and_printing(config, emit):
    os.write(1, b"not for the terminal")
    emit.result("summary", ok=os.read(0, 10) == b"")


def test_a_demo_has_no_terminal(capfd):
    assert perform(reading_and_printing)[-1].data["ok"]
    assert capfd.readouterr() == ("", "")


# --- the end of a run, in every way


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd(Settings):
    """Settings of a run with children that stay."""

    deaf: bool = False
    """The children ignore SIGTERM and SIGINT."""


def stay(deaf, emit):
    if deaf:
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, signal.SIG_IGN)
    emit.mark("here")
    while True:
        signal.pause()


def endless(config, emit):
    children = [config.context().Process(target=stay, args=(config.deaf, emit)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()


def until_all_are_here(stage):
    """Return the rest of the run once its two children have started, and their PIDs."""
    events = iter(stage)
    here = (event for event in events if event.name == "here")
    return events, [next(here).pid, next(here).pid]


@pytest.mark.parametrize("deaf", [False, True], ids=["obedient", "deaf"])
def test_leaving_the_block_ends_everybody(start_method, deaf):
    config = Crowd(start_method=StartMethod(start_method), deaf=deaf)
    with Stage(endless, config) as stage:
        _, children = until_all_are_here(stage)
        everybody = {stage.pid, *children, *tree(os.getpid())}
    assert len(everybody) >= 3
    assert not everybody & processes().keys()


def test_an_exception_in_the_observer_ends_everybody():
    with pytest.raises(ZeroDivisionError), Stage(endless, Crowd()) as stage:  # noqa: PT012
        _, children = until_all_are_here(stage)
        raise ZeroDivisionError
    assert all(map(gone, [stage.pid, *children]))


def test_stop_asks_and_the_run_may_say_goodbye():
    with Stage(endless, Crowd()) as stage:
        events, children = until_all_are_here(stage)
        stage.stop()
        rest = list(events)
    assert names(rest) == ["stopped", "summary"]
    assert rest[-1].data["ok"] is False
    assert all(map(gone, children))


def unstoppable(config, emit):
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            emit.mark("here")
            while True:
                signal.pause()


def test_who_does_not_stop_in_time_is_killed():
    with Stage(unstoppable, FORK, patience=0.3) as stage:
        events = iter(stage)
        assert next(events).name == "here"
        stage.stop()
        at = time.monotonic()
        rest = list(events)
    assert 0.3 <= time.monotonic() - at < 2
    assert "SIGKILL" in rest[-1].data["reason"]


def test_children_that_ignore_sigterm_are_killed_when_the_main_process_stops(start_method):
    config = Crowd(start_method=StartMethod(start_method), deaf=True)
    with Stage(endless, config, patience=5) as stage:
        events, children = until_all_are_here(stage)
        stage.stop()
        at = time.monotonic()
        list(events)
        assert time.monotonic() - at < 2, "main kills its children itself, long before patience ends"
    assert all(map(gone, children))


def test_a_stopped_main_process_can_be_stopped_all_the_same():
    with Stage(endless, Crowd()) as stage:
        events, children = until_all_are_here(stage)
        os.kill(stage.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, stage.pid, os.WSTOPPED | os.WNOWAIT)
        stage.stop()
        assert names(events) == ["stopped", "summary"]
    assert all(map(gone, children))


def test_a_killed_main_process_gets_an_obituary(start_method):
    with Stage(endless, Crowd(start_method=StartMethod(start_method))) as stage:
        events, children = until_all_are_here(stage)
        os.kill(stage.pid, signal.SIGKILL)
        at = time.monotonic()
        *_, summary = events
    assert time.monotonic() - at < 1.5
    assert summary.name == "summary"
    assert summary.data["ok"] is False
    assert f"{stage.pid} was ended by SIGKILL" in summary.data["reason"]
    assert all(map(gone, children))


def test_a_limit_ends_a_run_that_would_not_end():
    with Stage(endless, Crowd(), limit=0.3) as stage:
        events = list(stage)
    assert stage.timed_out
    assert events[-1].data["ok"] is False


def test_a_limit_is_not_noticed_by_a_run_in_time():
    with Stage(short_story, FORK, limit=30) as stage:
        events = list(stage)
    assert not stage.timed_out
    assert events[-1].data["ok"] is True


def leaving_children_behind(config, emit):
    for _ in range(2):
        config.context().Process(target=stay, args=(True, emit)).start()
    emit.result("summary", ok=True)


def test_a_run_that_forgets_to_join_ends_too(start_method):
    at = time.monotonic()
    with Stage(leaving_children_behind, settings(start_method)) as stage:
        events = list(stage)
        everybody = {event.pid for event in events}
    assert events[-1].data["ok"] is True
    assert not everybody & processes().keys()
    assert time.monotonic() - at < 5


def grandchild(emit):
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        emit.mark("here")
        while True:
            signal.pause()


def with_a_runaway(config, emit):
    child = config.context().Process(target=grandchild, args=(emit,))
    child.start()
    child.join()
    signal.pause()


def test_a_grandchild_in_a_session_of_its_own_does_not_escape(start_method):
    with Stage(with_a_runaway, settings(start_method)) as stage:
        runaway = next(event.pid for event in stage if event.name == "here")
    assert gone(runaway)


def leaving_with_a_full_queue(config, emit):
    queue = config.context().Queue()
    queue.put(b"x" * 10_000_000)  # nobody will ever read it, and the queue waits for that at exit
    emit.mark("leaving")


def raising_with_a_full_queue(config, emit):
    leaving_with_a_full_queue(config, emit)
    raise ZeroDivisionError


@pytest.mark.parametrize("run", [leaving_with_a_full_queue, raising_with_a_full_queue])
@pytest.mark.timeout(20)
def test_an_exit_that_hangs_is_ended(run):
    """multiprocessing joins the feeder thread of a queue when a process leaves: for ever, here."""
    at = time.monotonic()
    events = perform(run, patience=0.5)
    assert time.monotonic() - at < 5
    assert events[0].name == "leaving"
    assert events[-1].data["ok"] is False


def busy_pool(config, emit):
    pool = config.context().Pool(2)
    while True:
        try:
            pool.apply_async(abs, (-1,)).get(timeout=5)
            emit.count("tasks", 1)
        except multiprocessing.TimeoutError:
            return


def killed_pool(config, emit):
    pool = config.context().Pool(2)
    pool.map(abs, range(100), chunksize=1)  # they are up, and wait for a task: one with the queue's lock
    for child in multiprocessing.active_children():
        child.kill()
    emit.mark("here")
    while True:  # signal.pause() would miss a signal that comes just before it
        select.select([], [], [], 0.05)


def crashing_pool(config, emit):
    pool = config.context().Pool(2)
    for _ in range(100):
        pool.apply_async(abs, (-1,))
    raise ZeroDivisionError


def with_manager(config, emit):
    manager = config.context().Manager()
    emit.mark("here", items=list(manager.list([1])))
    emit.mark("here")
    signal.pause()


def test_a_run_with_a_busy_pool_stops_at_once(start_method):
    """A Pool says goodbye with locks; a worker killed while it held one would make that for ever."""
    for _ in range(3):
        with Stage(busy_pool, settings(start_method), patience=5) as stage:
            events = iter(stage)
            next(events)
            stage.stop()
            at = time.monotonic()
            *_, summary = events
        assert time.monotonic() - at < 2
        assert summary.data["ok"] is False


STOP_A_KILLED_POOL = """
import sys, time, test_stage
from procdemo.stage import Stage
with Stage(test_stage.killed_pool, test_stage.settings(sys.argv[1]), patience=5) as stage:
    events = iter(stage)
    next(events)
    stage.stop()
    at = time.monotonic()
    print(*test_stage.names(events))
    print(time.monotonic() - at)
"""


def test_a_run_whose_pool_cannot_say_goodbye_stops_at_once(start_method):
    """The Pool must not even be collected: that would be its goodbye (in pytest's process it is not)."""
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}
    command = [sys.executable, "-c", STOP_A_KILLED_POOL, start_method]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    names, seconds = done.stdout.splitlines()
    assert names == "stopped summary"
    assert float(seconds) < 2


def test_a_run_that_raises_beside_a_pool_ends_at_once(start_method):
    at = time.monotonic()
    assert "error" in names(perform(crashing_pool, settings(start_method), patience=5))
    assert time.monotonic() - at < 3


def test_a_stopped_manager_leaves_no_socket(start_method, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delitem(multiprocessing.current_process()._config, "tempdir", raising=False)  # of other tests
    with Stage(with_manager, settings(start_method)) as stage:
        events, _ = until_all_are_here(stage)
        assert list(tmp_path.iterdir())
        stage.stop()
        list(events)
    assert not list(tmp_path.iterdir())


def passing_a_socket(config, emit):
    """Let multiprocessing open a socket of its own, in a temporary directory of the main process."""
    ours, _theirs = socket.socketpair()
    reduction.ForkingPickler.dumps(ours)
    emit.mark("here")
    emit.mark("here")
    signal.pause()


@pytest.mark.parametrize("run", [passing_a_socket, with_manager])
def test_a_killed_demo_leaves_no_file(run, start_method, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delitem(multiprocessing.current_process()._config, "tempdir", raising=False)  # of other tests
    with Stage(run, settings(start_method)) as stage:
        until_all_are_here(stage)
        assert list(tmp_path.glob("*/pymp-*/listener-*")), "or the test would prove nothing"
        stage.kill()
    assert not list(tmp_path.iterdir())


# --- signals of children


def fifty_terminated(config, emit):
    for _ in range(100):
        child = config.context().Process(target=stay, args=(False, emit))
        child.start()
        child.terminate()
        child.join()
        emit.mark("ended", exitcode=child.exitcode)
    emit.result("summary", ok=True)


def test_a_child_terminated_in_its_first_instant_dies_of_it():
    """It must not run the handler it inherits from its parent (RELIABILITY L10, L11)."""
    events = perform(fifty_terminated)
    assert [event.data["exitcode"] for event in events if event.name == "ended"] == [-signal.SIGTERM] * 100
    assert not [event for event in events if event.name in {"error", "stderr", "stopped"}]


def forking_all_the_time(config, emit):
    emit.mark("here")
    while True:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)


def test_a_request_to_stop_is_not_lost_in_a_fork():
    """What arrives during fork() is handled in a hook of it, where exceptions are ignored."""
    for _ in range(20):
        with Stage(forking_all_the_time, FORK, patience=5) as stage:
            events = iter(stage)
            next(events)
            stage.stop()
            at = time.monotonic()
            assert names(events) == ["stopped", "summary"]
            assert time.monotonic() - at < 2


def exit_code_of_a_child(config, emit):
    child = config.context().Process(target=sys.exit, args=(7,))
    child.start()
    child.join()
    emit.result("summary", ok=child.exitcode == 7)


def test_a_caller_that_ignores_sigchld_does_not_break_it(start_method):
    """Children of such a process are reaped by the kernel, and their exit codes lost (RELIABILITY L14)."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert perform(exit_code_of_a_child, settings(start_method))[-1].data["ok"]
        with Stage(endless, Crowd(start_method=StartMethod(start_method))) as stage:
            events, children = until_all_are_here(stage)
            os.kill(stage.pid, signal.SIGKILL)
            assert "SIGKILL" in list(events)[-1].data["reason"]
        assert all(map(gone, children))
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_signals_sent_to_one_that_has_ended_are_no_error():
    with Stage(short_story, FORK) as stage:
        list(stage)
        stage.stop()
        stage.kill()


# --- what it leaves


def with_semaphores(config, emit):
    locks = [config.context().Lock() for _ in range(10)]
    config.context().Process(target=stay, args=(False, emit)).start()
    config.context().Process(target=stay, args=(False, emit)).start()
    locks[0].acquire()
    signal.pause()


def test_a_killed_stage_leaves_no_semaphore(start_method):
    before, prefix = set(os.listdir("/dev/shm")), f"sem.pytest{os.getpid()}"
    with Stage(with_semaphores, settings(start_method)) as stage:
        until_all_are_here(stage)
        there = [name for name in os.listdir("/dev/shm") if name.startswith(prefix)]
        assert len(there) == (0 if start_method == "fork" else 10), "under fork they have no name"
        os.kill(stage.pid, signal.SIGKILL)
        list(stage)
    assert not shared_memory_left(before, prefix)


def test_it_leaves_no_descriptor_open(start_method):
    perform(short_story, settings(start_method))
    before = os.listdir("/proc/self/fd")
    perform(short_story, settings(start_method))
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_it_says_nothing_on_stderr_itself(tmp_path):
    """Neither the resource tracker nor an interpreter that is shut down may speak to the terminal."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, test_stage\n"
        "from procdemo.stage import Stage\n"
        "if __name__ == '__main__':\n"
        "    with Stage(test_stage.with_semaphores, test_stage.settings(sys.argv[1])) as stage:\n"
        "        test_stage.until_all_are_here(stage)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}
    for method in ("fork", "spawn", "forkserver"):
        done = subprocess.run(
            [sys.executable, script, method], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def noisy(config, emit):
    for number in range(100_000):
        emit.mark("tick", number=number)
    emit.result("summary", ok=True)


def test_it_calls_back_when_nothing_happens_and_loses_nothing_when_much_does():
    idle = []
    with Stage(noisy, FORK, on_idle=lambda: idle.append(1) or 1) as stage:
        numbers = [event.data["number"] for event in stage if event.name == "tick"]
    assert numbers == list(range(100_000))
    with Stage(endless, Crowd(), on_idle=lambda: idle.append(2) or 0, limit=0.5) as stage:
        list(stage)
    assert 2 in idle
