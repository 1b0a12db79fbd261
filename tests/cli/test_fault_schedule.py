"""The faults of a run among its events, and the exits that they cause."""

import os
import signal
import subprocess
import time

import pytest

from procdemo.cli.fault_schedule import FaultSchedule
from procdemo.demo.events import ERROR, EXITED, OBSERVER, SUMMARY, Event
from procdemo.runtime import fault_injection
from procdemo.runtime.fault_injection import FaultInjector


@pytest.fixture
def target():
    """Return a process that is the leader of a group of its own."""
    with subprocess.Popen(["sleep", "60"], process_group=0) as process:
        yield process
        process.kill()


def exited(pid, **data):
    data = {"child": "worker-0", "child_pid": pid, "exitcode": -signal.SIGKILL, "by": ""} | data
    return Event("mark", EXITED, data, 2, 1, 1, "main")


def reported(target, fault, **data):
    """Return the events of a run in which a fault is due at once, and the process exits after that."""
    injector = FaultInjector([fault], 0, target.pid)
    first = Event("mark", "ready", {}, 1, target.pid, target.pid, "worker-0")
    summary = Event("result", SUMMARY, {"ok": True}, 3, 1, 1, "main")
    return list(FaultSchedule(injector).among([first, exited(target.pid, **data), summary]))


def test_the_exit_says_which_option_killed_the_process(target):
    first, fault, end, summary = reported(target, fault_injection.parse_targeted("kill", "worker-*@0"))
    assert (first.name, fault.role, summary.name) == ("ready", OBSERVER, SUMMARY)
    assert end.data["by"] == "--kill"


@pytest.mark.parametrize("data", [{"exitcode": 0}, {"exitcode": -signal.SIGTERM}, {"child_pid": os.getpid()}])
def test_another_exit_is_unchanged(target, data):
    *_, end, _ = reported(target, fault_injection.parse_targeted("kill", "worker-*@0"), **data)
    assert end == exited(target.pid, **data)


def test_an_exit_that_names_the_killer_is_unchanged(target):
    *_, end, _ = reported(target, fault_injection.parse_targeted("kill", "worker-*@0"), by="main")
    assert end.data["by"] == "main"


def test_a_stopped_process_that_is_killed_later_was_not_killed_by_the_option(target):
    *_, end, _ = reported(target, fault_injection.parse_targeted("stop", "worker-*@0"))
    assert end.data["by"] == ""


def test_a_random_fault_is_not_taken_for_one_that_was_aimed_at_the_same_role(target):
    faults = [fault_injection.parse_targeted("kill", "worker-0@1000"), fault_injection.parse_random("kill:1")]
    with subprocess.Popen(["sleep", "60"], process_group=target.pid) as worker:
        injector = FaultInjector(faults, 0, target.pid)
        since_ns = time.monotonic_ns() - 2 * 10**9
        ready = Event("mark", "ready", {}, since_ns, worker.pid, worker.pid, "worker-0")
        _, fault, end = FaultSchedule(injector).among([ready, exited(worker.pid)])
    assert (fault.data["option"], end.data["by"]) == ("--chaos", "--chaos")


def test_a_fault_that_hit_no_process_is_an_error_before_the_summary(target):
    *_, error, summary = reported(target, fault_injection.parse_targeted("kill", "consumer-7@0"))
    assert (error.name, error.role, error.data["exit_code"]) == (ERROR, OBSERVER, 2)
    assert summary.name == SUMMARY
