"""Faults on demand: the right process is hit, an event reports it, and a fault that hits none is an error."""

import os
import re
import signal
import time

import pytest
from harness import run
from in_process import both_ways

from procdemo.demo.events import Event
from procdemo.demo.settings import CannotRunError
from procdemo.runtime.fault_injection import Fault, FaultInjector, check_roles, parse_random, parse_targeted


def test_a_fault_reads_as_it_is_written():
    assert parse_targeted("kill", "worker-*@1.5") == Fault("kill", "worker-*", 1.5)
    assert parse_targeted("stop", "a@b@0") == Fault("stop", "a@b", 0)
    assert parse_random("stop:0.25") == Fault("stop", "", 0.25)
    assert [str(Fault("kill", "main", 2)), str(Fault("kill", "", 0.5))] == ["main@2", "kill:0.5"]


@pytest.mark.parametrize(
    "text", ["", "@", "@1", "main", "main@", "main@x", "main@-1", "main@inf", "main@nan"]
)
def test_what_is_not_a_role_and_a_time_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_targeted("kill", text)


@pytest.mark.parametrize("text", ["", "kill", "kill:", "kill:0", "kill:-1", "kill:inf", "burn:1", ":1"])
def test_what_is_not_chaos_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_random(text)


def hello(role, pid, time_ns=0):
    return Event("mark", "hello", {}, time_ns, pid, pid, role)


@pytest.fixture
def sleepers():
    """PIDs of five sleeping processes; the first leads their group."""
    pids = []
    for _ in range(5):
        pid = os.fork()
        if pid == 0:
            signal.pause()
            os._exit(0)
        os.setpgid(pid, pids[0] if pids else pid)
        pids.append(pid)
    yield pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def injector_for(sleepers, *faults, seed=0, time_ns=0):
    injector = FaultInjector(faults, seed, sleepers[0])
    for role, pid in zip(["main", "a-0", "a-1", "b-0", "b-1"], sleepers, strict=True):
        injector.note(hello(role, pid, time_ns))
    return injector


def targets(injector):
    return [event.data["target"] for event in injector.inject()]


def test_a_pattern_hits_all_that_match_and_once(sleepers):
    injector = injector_for(sleepers, Fault("stop", "a-*", 0))
    assert targets(injector) == ["a-0", "a-1"]
    for pid in sleepers[1:3]:
        assert os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT).si_status == signal.SIGSTOP
    assert targets(injector) == []
    assert list(injector.missed()) == []


def test_no_process_is_hit_before_the_time(sleepers):
    injector = injector_for(sleepers, Fault("kill", "main", 3600), time_ns=time.monotonic_ns())
    assert targets(injector) == []
    assert 3500 < injector.seconds_left() <= 3600
    assert list(injector.missed()) == [("--kill main@3600: the demo had ended by then", "--kill main@0.1")]


def test_a_process_that_appears_late_is_hit_at_once(sleepers):
    injector = FaultInjector([Fault("kill", "late", 0)], 0, sleepers[0])
    assert targets(injector) == []
    assert injector.seconds_left() > 3600, "an event will wake us"
    injector.note(hello("late", sleepers[4]))
    assert targets(injector) == ["late"]


def test_the_time_counts_from_the_first_event_of_a_process_that_may_be_hit(sleepers):
    hour, now = 3600 * 10**9, time.monotonic_ns()
    injector = FaultInjector([Fault("stop", "a-*", 3600), Fault("stop", "", 3600)], 0, sleepers[0])
    injector.note(hello("main", sleepers[0], now - 2 * hour))
    assert targets(injector) == [], "main is neither: the command has only just started it"
    assert injector.seconds_left() > 7200
    injector.note(hello("a-0", sleepers[1], now))
    injector.note(hello("a-1", sleepers[2], now - 2 * hour))
    assert targets(injector) == [], "a later event changes nothing"
    assert 3500 < injector.seconds_left() <= 3600


def test_what_the_command_itself_reports_starts_no_time(sleepers):
    injector = FaultInjector([Fault("kill", "*", 0)], 0, sleepers[0])
    injector.note(hello("observer", os.getpid()))
    assert injector.seconds_left() > 3600
    injector.note(hello("main", sleepers[0]))
    assert targets(injector) == ["main"]


def test_chaos_goes_on_from_hit_to_hit(sleepers):
    begin_ns = time.monotonic_ns() - 3600 * 10**9  # less than 0 if the machine has just started
    injector = injector_for(sleepers, Fault("stop", "", 3600), time_ns=begin_ns)
    assert len(targets(injector)) == 1
    assert 3500 < injector.seconds_left() <= 3600


def test_a_process_of_another_group_is_never_hit(sleepers):
    injector = FaultInjector([Fault("kill", "*", 0)], 0, sleepers[0])
    injector.note(hello("stranger", os.getpid()))
    assert targets(injector) == []
    [(message, hint)] = injector.missed()
    assert message == "--kill *@0: the demo had ended by then"
    assert hint


def test_a_role_that_never_appeared_is_named_with_those_that_did(sleepers):
    [(message, hint)] = injector_for(sleepers, Fault("kill", "c-0", 0)).missed()
    assert message == "--kill c-0@0: no process of that name appeared"
    assert hint == "one of a-0, a-1, b-0, b-1, main"


def chosen(sleepers, seed):
    injector = injector_for(sleepers, Fault("stop", "", 1e-9), seed=seed)
    return [name for _ in range(12) for name in targets(injector)]


def test_chaos_never_hits_main_and_the_seed_decides(sleepers):
    first = chosen(sleepers, 1)
    assert len(first) == 12
    assert set(first) <= {"a-0", "a-1", "b-0", "b-1"}
    assert chosen(sleepers, 1) == first
    assert any(chosen(sleepers, seed) != first for seed in range(2, 6))


def test_a_zombie_is_not_hit(sleepers):
    os.kill(sleepers[4], signal.SIGKILL)
    os.waitid(os.P_PID, sleepers[4], os.WEXITED | os.WNOWAIT)
    assert targets(injector_for(sleepers, Fault("kill", "b-*", 0))) == ["b-0"]


# --- on the command line


def faults_of(result):
    return [event for event in result.events if event.name == "fault"]


def test_a_consumer_is_killed_by_the_command_and_named_by_the_demo(start_method):
    args = ("prodcons", "--items", "200", "--kill", "consumer-0@0", "--json")
    result = run(*args, start_method=start_method, within=20).assert_clean(1)
    [fault] = faults_of(result)
    target = fault.data["target_pid"]
    assert (fault.role, fault.data["signal"], fault.data["target"]) == ("observer", "SIGKILL", "consumer-0")
    [death] = [event for event in result.events if event.data.get("child_pid") == target]
    assert (death.name, death.data["cause"]) == ("exited", "killed by SIGKILL")
    assert death.time_ns > fault.time_ns


LASTING = ("spawn", "--work", "30", "--children", "1")
EACH_CHILD = ("--kill", "child-0@0", "--kill", "child-1@0")


def test_the_screen_shows_the_fault():
    result = run(*LASTING, *EACH_CHILD, "-v").assert_clean(1)
    assert "kill child-0@0 child-1@0" in result.stdout
    assert re.search(r"observer +\d+  SIGKILL to child-1 \(PID \d+\)", result.stdout)


def test_the_option_may_be_repeated():
    result = run(*LASTING, *EACH_CHILD, "--json").assert_clean(1)
    assert sorted(event.data["target"] for event in faults_of(result)) == ["child-0", "child-1"]


def test_main_itself_can_be_killed():
    result = run("spawn", "--work", "30", "--kill", "main@0", "--json").assert_clean(1)
    assert "SIGKILL" in result.summary["reason"]


def test_a_stopped_process_stays_until_the_time_limit():
    args = ("spawn", "--work", "1", "--children", "1", "--stop", "child-1@0", "--timeout", "3", "--json")
    result = run(*args).assert_clean(4)
    [fault] = faults_of(result)
    assert fault.data["signal"] == "SIGSTOP"


def test_chaos_ends_a_demo_that_would_run_for_long():
    result = run("spawn", "--work", "30", "--chaos", "kill:0.02", "--json").assert_clean(1)
    assert {event.data["target"] for event in faults_of(result)} == {f"child-{n}" for n in range(4)}


def test_a_fault_that_hits_no_process_is_an_error_though_the_demo_went_well():
    result = run("spawn", "--work", "0", "--kill", "child-7@0").assert_clean(2)
    assert result.stderr.splitlines() == [
        "error: --kill child-7@0: no process of that name appeared",
        "try: one of child-0, child-1, child-2, child-3, main",
    ]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("prodcons", ["--kill", "worker-0@0.2"]),
        ("spawn", ["--stop", "consumer-*@1"]),
        ("race", ["--kill", "C@0"]),
        ("echo-server", ["--kill", "handler-0@0", "--stop", "handler@0"]),
        ("pool-server", ["--kill", "worker-0 @1"]),
        ("gil", ["--kill", "Main@0"]),
    ],
)
@both_ways
def test_a_role_that_the_demo_does_not_have_is_refused_before_it_starts(run, name, options):
    result = run(name, *options, "--json").assert_clean(2, stderr_lines=2)
    assert result.stdout == ""
    error, hint = result.stderr.splitlines()
    assert error == f"error: {options[-2]} {options[-1]}: this demo has no process of that name"
    assert hint.startswith("try: one of main, ")


@pytest.mark.parametrize(
    "role",
    ["worker-0", "worker-12", "worker-*", "worker-1*", "worker-[0-3]", "w*", "*", "?orker-0", "main", "site"],
)
def test_a_role_that_the_demo_has_is_not_refused(role):
    check_roles([Fault("kill", role, 1.0)], ("main", "worker-N", "site"))


@pytest.mark.parametrize(
    "role", ["worker", "worker-", "worker-x", "workers-0", "worker-0x", "x*", "site-0", "worker-x*"]
)
def test_a_role_that_can_never_be_is_refused(role):
    with pytest.raises(CannotRunError, match="no process of that name") as refusal:
        check_roles([Fault("kill", role, 1.0)], ("main", "worker-N", "site"))
    assert refusal.value.exit_code == 2
    assert refusal.value.hint == "one of main, worker-0, site (any number); or *"


@pytest.mark.parametrize(
    ("args", "instead"),
    [
        (["--kill", "worker"], "worker-0@1.5"),
        (["--stop", "main@soon"], "worker-0@1.5"),
        (["--chaos", "burn:1"], "kill:0.5"),
    ],
)
def test_the_error_of_a_wrong_fault_shows_a_right_one(args, instead):
    assert instead in run("spawn", *args).assert_clean(2, stderr_lines=4).stderr
