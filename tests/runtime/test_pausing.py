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

NAP_S, PAUSE_S = 1.0, 0.2


def kernel_s():
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def nap(emit):
    """Sleep; and again, if the pause has not come in time: the machine is busy."""
    times = [kernel_s(), time.monotonic(), kernel_s()]
    emit.mark("naps")
    naps = 0
    while not naps or (naps < 5 and kernel_s() - time.monotonic() < PAUSE_S / 2):
        time.sleep(NAP_S)  # noqa: TID251 - what is tested
        naps += 1
    emit.mark("woke up", naps=naps, times=[*times, kernel_s(), time.monotonic(), kernel_s()])


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


def test_a_pause_is_no_time_for_any_process(start_method):
    pausing = Pausing()
    with Runner(one_nap, settings(start_method), pausing=pausing, sample=True) as runner:
        *events, summary = paused(runner, pausing, "naps")
    (woke,) = [event for event in events if event.name == "woke up"]
    before, began, after, then_before, woke_up, then_after = woke.data["times"]
    assert pausing.seconds >= PAUSE_S
    assert woke_up - began >= NAP_S * woke.data["naps"], "it has slept as long as it should"
    really = woke_up - began + pausing.seconds
    assert then_before - after - 1e-6 <= really <= then_after - before + 1e-6, "and no other time is left out"
    assert summary.time_ns / 1e9 + pausing.seconds <= kernel_s(), "so in the log"
    assert summary.data["ok"]
    seen = {event.name for event in events if event.kind == "state" and event.role in {"main", "sleeper"}}
    assert "stopped" not in seen, "and so in the lanes"
    now, usual = kernel_s(), time.monotonic()
    assert usual >= now, "given back"


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
        wait_until(lambda: states({stranger.pid}) == {"S"}, what="that the stranger sleeps")
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
            assert not pausing.paused
            rest = list(events)
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
