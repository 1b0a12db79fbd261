"""A pause of a demo: all its processes are stopped, none of others, and no time passes."""

import os
import signal
import subprocess
import time

import pytest
from processes import process
from stages import ManyProcesses, endless, names, reaped, settings, until_all_are_here
from waiting import wait_until

from procdemo.demo.settings import StartMethod
from procdemo.runtime.pausing import Pausing
from procdemo.runtime.runner import Runner

NAP_S, PAUSE_S = 0.1, 0.3


def kernel_s():
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def nap(emit):
    before, really = time.monotonic(), kernel_s()
    emit.mark("naps")
    time.sleep(NAP_S)  # noqa: TID251 - what is tested
    seconds, really = time.monotonic() - before, kernel_s() - really
    emit.mark("woke up", seconds=seconds, really=really)


def one_nap(config, emit):
    child = config.context().Process(target=nap, args=(emit,), name="sleeper")
    child.start()
    child.join()
    emit.result("summary", ok=child.exitcode == 0)


def states(pids):
    return {(found := process(pid)) and found.state for pid in pids}


def all_stopped(pids):
    return wait_until(lambda: states(pids) == {"T"}, what="that all are stopped")


def paused(runner, pausing, at, seconds=PAUSE_S):
    """Return the events of a run that is paused for so long when an event has come."""
    events = []
    for event in runner:
        events.append(event)
        if event.name == at:
            pausing.pause()
            until = kernel_s() + seconds
            all_stopped({runner.pid, event.pid})
            wait_until(lambda until=until: kernel_s() > until)
            pausing.go_on()
    return events


@pytest.mark.core
def test_a_pause_is_no_time_for_any_process(start_method):
    pausing = Pausing()
    with Runner(one_nap, settings(start_method), pausing=pausing, sample=True) as runner:
        *events, summary = paused(runner, pausing, "naps")
    (woke,) = [event for event in events if event.name == "woke up"]
    assert pausing.seconds >= PAUSE_S
    assert woke.data["seconds"] >= NAP_S, "it has slept as long as it should"
    # Had it begun its sleep, or not? In both cases the pause is not counted, and nothing else is left out.
    assert woke.data["really"] - woke.data["seconds"] == pytest.approx(pausing.seconds, abs=0.1)
    (naps,) = [event for event in events if event.name == "naps"]
    assert woke.time_ns - naps.time_ns < woke.data["really"] * 1e9 - pausing.seconds * 1e9 + 1e8, (
        "so in the log"
    )
    assert summary.data["ok"]
    seen = {event.name for event in events if event.kind == "state" and event.role in {"main", "sleeper"}}
    assert "stopped" not in seen, "and so in the lanes"
    assert time.monotonic() == pytest.approx(kernel_s(), abs=0.1), "given back"


@pytest.mark.thorough
def test_the_time_limit_does_not_count_it():
    pausing, limit = Pausing(), 3.0
    with Runner(one_nap, settings("fork"), pausing=pausing, limit=limit) as runner:
        events = paused(runner, pausing, "naps", limit + 0.1)
        assert not runner.timed_out
    assert events[-1].data["ok"]


def test_a_process_that_was_stopped_before_stays_so_and_a_stranger_is_let_alone(start_method):
    pausing = Pausing()
    config = ManyProcesses(start_method=StartMethod(start_method))
    with Runner(endless, config, pausing=pausing) as runner:
        _, (frozen, other) = until_all_are_here(runner)
        stranger = subprocess.Popen(["sleep", "600"])
        os.kill(frozen, signal.SIGSTOP)
        all_stopped({frozen})
        pausing.pause()
        all_stopped({runner.pid, frozen, other})
        assert states({stranger.pid}) == {"S"}
        pausing.go_on()
        wait_until(lambda: "T" not in states({runner.pid, other}))
        assert states({frozen}) == {"T"}
        stranger.kill()
        stranger.wait()
    assert all(map(reaped, (runner.pid, frozen, other)))


@pytest.mark.parametrize("how", ["stop", "kill", "leave"])
def test_a_demo_that_is_paused_can_be_ended(how):
    pausing = Pausing()
    with Runner(endless, ManyProcesses(), pausing=pausing) as runner:
        events, children = until_all_are_here(runner)
        pausing.pause()
        all_stopped({runner.pid, *children})
        if how != "leave":
            getattr(runner, how)()
            rest = list(events)
            assert not pausing.paused
            assert names(rest)[-1] == "summary"
            assert ("stopped" in names(rest)) == (how == "stop")
    assert all(map(reaped, (runner.pid, *children)))


def test_when_it_may_be_paused():
    with Runner(endless, ManyProcesses(), pausing=Pausing()) as runner:
        events, _ = until_all_are_here(runner)
        assert runner.may_be_paused
        runner.stop()
        assert not runner.may_be_paused
        list(events)
        assert not runner.may_be_paused
