"""A run is an iterator of events: what it reports, and what it leaves."""

import os
import signal
import subprocess
import sys
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path

import pytest
from shared_memory import own_shared_memory
from stages import (
    FORK,
    ManyProcesses,
    endless,
    events_of,
    names,
    settings,
    short_story,
    stay,
    until_all_are_here,
)

from procdemo.demo.events import STARTS
from procdemo.demo.settings import CannotRunError
from procdemo.runtime.runner import Runner

# --- what a run reports


def test_events_come_in_order_from_every_process(start_method):
    told = events_of(short_story, settings(start_method))
    events = [event for event in told if event.name != STARTS]
    assert names(events) == ["start", "hello", "hello", "hello", "summary"]
    assert len(told) - len(events) == (0 if start_method == "fork" else 6), "a bar for each interpreter"
    assert [event.data["number"] for event in events[1:4]] == [0, 1, 2]
    assert [event.role for event in events] == ["main", "child-0", "child-1", "child-2", "main"]
    assert len({event.pid for event in events}) == 4
    assert os.getpid() not in {event.pid for event in events}
    assert [event.time_ns for event in events] == sorted(event.time_ns for event in events)


def summary_in_the_middle(config, emit):
    emit.result("summary", ok=True)
    emit.mark("afterthought")


def test_the_summary_comes_last_and_once():
    assert names(events_of(summary_in_the_middle)) == ["afterthought", "summary"]


def raising(config, emit):
    emit.mark("start")
    raise ZeroDivisionError("no \x1b such thing")


def test_an_exception_becomes_an_error_mark_and_a_failing_summary():
    start, error, summary = events_of(raising)
    assert start.name == "start"
    assert error.name == "error"
    assert error.data["message"].startswith("ZeroDivisionError: no ")
    assert "raise ZeroDivisionError" in error.data["traceback"]
    assert (summary.name, summary.data["ok"]) == ("summary", False)


def raising_too_much(config, emit):
    raise ValueError("x" * 100_000)


def test_even_an_exception_too_large_for_a_record_is_heard_of():
    error, summary = events_of(raising_too_much)
    assert error.data["message"].startswith("ValueError: xxx")
    assert summary.data["ok"] is False


def refusing(config, emit):
    raise CannotRunError("no licence", "procdemo spawn", exit_code=3)


def test_a_refusal_says_what_to_do_instead_and_has_no_traceback():
    error, summary = events_of(refusing)
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
    events = events_of(complaining, settings(start_method))
    said = [event.data["text"] for event in events if event.name == "stderr"]
    assert said == [b"something is wrong", b"very wrong"]
    assert capfd.readouterr() == ("", "")


def reading_and_printing(config, emit):
    os.write(1, b"not for the terminal")
    emit.result("summary", ok=os.read(0, 10) == b"")


def test_a_demo_has_no_terminal(capfd):
    assert events_of(reading_and_printing)[-1].data["ok"]
    assert capfd.readouterr() == ("", "")


# --- what it leaves


def with_semaphores(config, emit):
    locks = [config.context().Lock() for _ in range(10)]
    config.context().Process(target=stay, args=(False, emit)).start()
    config.context().Process(target=stay, args=(False, emit)).start()
    locks[0].acquire()
    signal.pause()


def test_a_killed_stage_leaves_no_semaphore(start_method):
    shared_memory = own_shared_memory()
    with Runner(with_semaphores, settings(start_method)) as runner:
        until_all_are_here(runner)
        there = shared_memory.names()
        assert len(there) == (0 if start_method == "fork" else 10), "under fork they have no name"
        os.kill(runner.pid, signal.SIGKILL)
        list(runner)
    assert not shared_memory.left()


def interrupted_in_the_making(make, config, emit):
    """Be asked to stop when a name is there, and no process yet that would remove it."""
    register, unlink = resource_tracker.register, os.unlink

    def registered_late(*args):
        signal.raise_signal(signal.SIGINT)
        register(*args)

    def unlinked_late(path):
        signal.raise_signal(signal.SIGINT)
        unlink(path)

    resource_tracker.register, os.unlink = registered_late, unlinked_late
    make(config.context())
    signal.raise_signal(signal.SIGINT)  # under fork a semaphore has lost its name already
    signal.pause()


@pytest.mark.parametrize("make", [lambda context: context.Condition(), lambda context: context.Array("b", 1)])
def test_a_request_to_stop_cuts_no_semaphore_nor_shared_memory_in_half(make, start_method):
    shared_memory = own_shared_memory()
    told = events_of(partial(interrupted_in_the_making, make), settings(start_method))
    assert names(told) == ["stopped", "summary"]
    assert not shared_memory.left()


def stopped_again_and_again(config, emit):
    """Be asked to stop, and again in the moment in which that is reported."""
    write = os.write

    def write_late(fd, data):
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.raise_signal(signum)
        return write(fd, data)

    os.write = write_late
    if not config.deaf:
        signal.raise_signal(signal.SIGINT)
    raise ValueError("an error of its own")


@pytest.mark.parametrize(("fails_itself", "reported"), [(False, "stopped"), (True, "error")])
def test_a_late_request_to_stop_does_not_cut_the_report(fails_itself, reported):
    told = events_of(stopped_again_and_again, ManyProcesses(deaf=fails_itself))
    assert names(told) == [reported, "summary"]


def test_it_leaves_no_descriptor_open(start_method):
    events_of(short_story, settings(start_method))
    before = os.listdir("/proc/self/fd")
    events_of(short_story, settings(start_method))
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_it_says_nothing_on_stderr_itself(tmp_path, start_method):
    """Neither the resource tracker nor an interpreter that is shut down may speak to the terminal."""
    script = tmp_path / "script.py"
    script.write_text(
        "import stages, sys, test_runner\n"
        "from procdemo.runtime.runner import Runner\n"
        "if __name__ == '__main__':\n"
        "    with Runner(test_runner.with_semaphores, stages.settings(sys.argv[1])) as runner:\n"
        "        stages.until_all_are_here(runner)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[1]}/support:{Path(__file__).parent}"}
    program = [sys.executable, script, start_method]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def noisy(config, emit):
    for number in range(100_000):
        emit.mark("tick", number=number)
    emit.result("summary", ok=True)


def test_it_calls_back_when_nothing_happens_and_loses_nothing_when_much_does():
    idle = []
    with Runner(noisy, FORK, when_no_event=lambda: idle.append(1) or 1) as runner:
        numbers = [event.data["number"] for event in runner if event.name == "tick"]
    assert numbers == list(range(100_000))
    with Runner(endless, ManyProcesses(), when_no_event=lambda: idle.append(2) or 0, limit=0.5) as runner:
        list(runner)
    assert 2 in idle
