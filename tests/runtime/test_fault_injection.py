"""Faults on demand: the right process is struck, the log tells of it, and a blow into the air is said."""

import os
import re
import signal
import time

import pytest
from harness import run

from procdemo.demo.events import Event
from procdemo.runtime.fault_injection import Fault, FaultInjector, aimed, at_random


def test_a_fault_reads_as_it_is_written():
    assert aimed("kill", "worker-*@1.5") == Fault("kill", "worker-*", 1.5)
    assert aimed("stop", "a@b@0") == Fault("stop", "a@b", 0)
    assert at_random("stop:0.25") == Fault("stop", "", 0.25)
    assert [str(Fault("kill", "main", 2)), str(Fault("kill", "", 0.5))] == ["main@2", "kill:0.5"]


@pytest.mark.parametrize(
    "text", ["", "@", "@1", "main", "main@", "main@x", "main@-1", "main@inf", "main@nan"]
)
def test_what_is_no_aim_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        aimed("kill", text)


@pytest.mark.parametrize("text", ["", "kill", "kill:", "kill:0", "kill:-1", "kill:inf", "burn:1", ":1"])
def test_what_is_no_chaos_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        at_random(text)


def hello(role, pid):
    return Event("mark", "hello", {}, 0, pid, pid, role)


@pytest.fixture
def crew():
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


def struck(crew, *faults, seed=0, start_ns=0):
    blows = FaultInjector(faults, seed, crew[0], start_ns)
    for role, pid in zip(["main", "a-0", "a-1", "b-0", "b-1"], crew, strict=True):
        blows.note(hello(role, pid))
    return blows


def victims(blows):
    return [event.data["victim"] for event in blows.strike()]


def test_a_pattern_strikes_all_who_match_and_once(crew):
    blows = struck(crew, Fault("stop", "a-*", 0))
    assert victims(blows) == ["a-0", "a-1"]
    for pid in crew[1:3]:
        assert os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT).si_status == signal.SIGSTOP
    assert victims(blows) == []
    assert list(blows.missed()) == []


def test_nobody_is_struck_before_the_time(crew):
    blows = struck(crew, Fault("kill", "main", 3600), start_ns=time.monotonic_ns())
    assert victims(blows) == []
    assert 3500 < blows.seconds_left() <= 3600
    assert list(blows.missed()) == [("--kill main@3600: the demo had ended by then", "--kill main@0.1")]


def test_who_appears_late_is_struck_on_arrival(crew):
    blows = FaultInjector([Fault("kill", "late", 0)], 0, crew[0], 0)
    assert victims(blows) == []
    assert blows.seconds_left() > 3600, "an event will wake us"
    blows.note(hello("late", crew[4]))
    assert victims(blows) == ["late"]


def test_a_stranger_is_never_struck(crew):
    blows = FaultInjector([Fault("kill", "*", 0)], 0, crew[0], 0)
    blows.note(hello("stranger", os.getpid()))
    assert victims(blows) == []
    [(message, hint)] = blows.missed()
    assert message == "--kill *@0: the demo had ended by then"
    assert hint


def test_a_role_that_never_appeared_is_named_with_those_that_did(crew):
    [(message, hint)] = struck(crew, Fault("kill", "c-0", 0)).missed()
    assert message == "--kill c-0@0: no process of that name appeared"
    assert hint == "one of a-0, a-1, b-0, b-1, main"


def chosen(crew, seed):
    blows = struck(crew, Fault("stop", "", 1e-9), seed=seed)
    return [name for _ in range(12) for name in victims(blows)]


def test_chaos_never_strikes_main_and_the_seed_decides(crew):
    first = chosen(crew, 1)
    assert len(first) == 12
    assert set(first) <= {"a-0", "a-1", "b-0", "b-1"}
    assert chosen(crew, 1) == first
    assert any(chosen(crew, seed) != first for seed in range(2, 6))


def test_a_zombie_is_not_struck(crew):
    os.kill(crew[4], signal.SIGKILL)
    os.waitid(os.P_PID, crew[4], os.WEXITED | os.WNOWAIT)
    assert victims(struck(crew, Fault("kill", "b-*", 0))) == ["b-0"]


# --- on the command line


def blows_of(result):
    return [event for event in result.events if event.name == "blow"]


def test_a_killed_consumer_is_struck_by_the_command_and_named_by_the_demo(start_method):
    args = ("prodcons", "--kill", "consumer-0@0", "--json", "--start-method", start_method)
    result = run(*args, within=20).assert_clean(1)
    [blow] = blows_of(result)
    victim = blow.data["victim_pid"]
    assert (blow.role, blow.data["signal"], blow.data["victim"]) == ("observer", "SIGKILL", "consumer-0")
    [death] = [event for event in result.events if event.data.get("child_pid") == victim]
    assert (death.name, death.data["cause"]) == ("exited", "killed by SIGKILL")
    assert death.time_ns > blow.time_ns


LASTING = ("spawn", "--work", "30", "--children", "1")
EACH_CHILD = ("--kill", "child-0@0", "--kill", "child-1@0")


def test_the_screen_shows_the_blow():
    result = run(*LASTING, *EACH_CHILD).assert_clean(1)
    assert "kill child-0@0 child-1@0" in result.stdout
    assert re.search(r"observer +\d+  SIGKILL to child-1 \(PID \d+\)", result.stdout)


def test_it_may_be_said_again_and_again():
    result = run(*LASTING, *EACH_CHILD, "--json").assert_clean(1)
    assert sorted(event.data["victim"] for event in blows_of(result)) == ["child-0", "child-1"]


def test_main_itself_can_be_killed():
    result = run("spawn", "--work", "30", "--kill", "main@0", "--json").assert_clean(1)
    assert "SIGKILL" in result.summary["reason"]


def test_who_is_stopped_stays_until_the_time_limit():
    args = ("spawn", "--work", "0.2", "--children", "1", "--stop", "child-1@0", "--timeout", "1", "--json")
    result = run(*args).assert_clean(4)
    [blow] = blows_of(result)
    assert blow.data["signal"] == "SIGSTOP"


def test_chaos_ends_a_demo_that_would_run_for_long():
    result = run("spawn", "--work", "30", "--chaos", "kill:0.02", "--json").assert_clean(1)
    assert {event.data["victim"] for event in blows_of(result)} == {f"child-{n}" for n in range(4)}


def test_a_blow_into_the_air_is_an_error_though_the_demo_went_well():
    result = run("spawn", "--work", "0", "--kill", "consumer-7@0").assert_clean(2)
    assert result.stderr.splitlines() == [
        "error: --kill consumer-7@0: no process of that name appeared",
        "try: one of child-0, child-1, child-2, child-3, main",
    ]


@pytest.mark.parametrize(
    ("args", "instead"),
    [
        (["--kill", "worker"], "worker-0@1.5"),
        (["--stop", "main@soon"], "worker-0@1.5"),
        (["--chaos", "burn:1"], "kill:0.5"),
    ],
)
def test_what_is_no_fault_is_told_how_one_is_written(args, instead):
    assert instead in run("spawn", *args).assert_clean(2, stderr_lines=4).stderr
