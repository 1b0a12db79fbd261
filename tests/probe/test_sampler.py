"""Looks from outside: each kind of wait, made by a process of its own, is told by its name."""

import os
import signal
import sys
import time

import pytest
from kinds_of_wait import WAITS
from sampled import Sampled
from waiting import wait_until

from procdemo.demo.states import State
from procdemo.probe import sampler as sampler_module
from procdemo.probe.sampled_process import SampledProcess
from procdemo.probe.sampler import Sampler
from procdemo.process import procfs

pytestmark = pytest.mark.skipif(not procfs.LINUX, reason="there is no /proc")

EXPECTED = {
    "sleep": (State.SLEEPING, "clock_nanosleep"),
    "select_nothing": (State.SLEEPING, "select"),
    "poll_nothing": (State.SLEEPING, "poll"),
    "read_pipe": (State.WAITING, "read"),
    "receive": (State.WAITING, "recvfrom"),
    "receive_unix": (State.WAITING, "recvfrom"),
    "receive_packet": (State.WAITING, "recvfrom"),
    "accept": (State.WAITING, "accept"),
    "poll": (State.WAITING, "select"),
    "epoll": (State.WAITING, "epoll_wait"),
    "read_event": (State.WAITING, "read"),
    "pause": (State.WAITING, "pause"),
    "sigwait": (State.WAITING, "sigtimedwait"),
    "open_fifo": (State.WAITING, "open"),
    "write_pipe": (State.BLOCKED, "write"),
    "send": (State.BLOCKED, "sendto"),
    "semaphore": (State.BLOCKED, "futex"),
    "thread_lock": (State.BLOCKED, "futex"),
    "put": (State.BLOCKED, "futex"),
    "join": (State.BLOCKED, "wait4"),
    "file_lock": (State.BLOCKED, "flock"),
}


def test_each_wait_has_its_state_and_its_system_call():
    with Sampled(WAITS, *EXPECTED) as sampled:
        sampled.until_seen({name: state for name, (state, _) in EXPECTED.items()})
        for name, (_, call) in EXPECTED.items():
            assert sampled.last(name).data["call"] == call, name
        locks = {name: sampled.last(name).data.get("lock") for name in EXPECTED}
        assert (locks["semaphore"], locks["put"], locks["thread_lock"]) == (
            *("semaphore", "semaphore"),
            "lock of a thread",
        )
        assert {locks[name] for name in EXPECTED if EXPECTED[name][1] != "futex"} == {None}


def test_a_state_that_lasts_is_told_again_about_every_second():
    with Sampled(WAITS, "sleep", "read_pipe") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING, "read_pipe": State.WAITING})
        before = {name: len(sampled.of(name)) for name in ("sleep", "read_pipe")}
        sampled.until(lambda: all(len(sampled.of(name)) >= 2 + count for name, count in before.items()))
        last, again = (event.time_ns for event in sampled.of("sleep")[-2:])
        assert again - last > 0.5e9


def test_more_busy_processes_than_cpus_are_ready_in_turn():
    names = ["compute"] * (2 * len(os.sched_getaffinity(0)) + 1)
    with Sampled(WAITS, *names, "sleep") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING})
        sampled.until(
            lambda: {"ready", "computing"} <= {event.name for event in sampled.of("compute")}, "ready"
        )
        busy = {event.pid for event in sampled.events} - {sampled.pid, sampled.pids["sleep"]}
        assert not {event.name for event in sampled.events if event.pid in busy} - {
            *("ready", "computing", "blocked", "not seen")
        }
        sampled.until(
            lambda: sum(event.data["ready_ms"] for event in sampled.events if event.pid in busy) > 50,
            "ready time",
        )


def test_stopped_and_continued_from_outside():
    with Sampled(WAITS, "compute", "sleep") as sampled:
        sampled.until_seen({"compute": State.COMPUTING, "sleep": State.SLEEPING})
        for name in ("compute", "sleep"):
            os.kill(sampled.pids[name], signal.SIGSTOP)
        sampled.until_seen({"compute": State.STOPPED, "sleep": State.STOPPED})
        for name in ("compute", "sleep"):
            os.kill(sampled.pids[name], signal.SIGCONT)
        sampled.until_seen({"sleep": State.SLEEPING})
        sampled.until(lambda: sampled.state("compute") in {State.COMPUTING, State.READY})


def used(pid):
    return int(procfs.read(f"/proc/{pid}/task/{pid}/schedstat").split()[0]) / 1e6


def test_what_was_while_the_observer_did_not_look_is_not_invented():
    with Sampled(WAITS, "compute", "sleep", "poll") as sampled:
        sampled.until_seen({"compute": State.COMPUTING, "sleep": State.SLEEPING, "poll": State.WAITING})
        poll, before = sampled.pids["poll"], used(sampled.pids["compute"])
        for signum, state in [(signal.SIGSTOP, "T"), (signal.SIGCONT, "S")]:  # so it has a turn
            os.kill(poll, signum)
            wait_until(lambda letter=state: procfs.stat(poll).state == letter)
        wait_until(lambda: used(sampled.pids["compute"]) > before + 20)
        sampled.sampler.pacing.due_at -= 1  # so the look is late by a second
        count = len(sampled.events)
        sampled.look()
        new = sampled.events[count:]
        told = {name: [e.name for e in new if e.pid == sampled.pids[name]] for name in sampled.pids}
        assert told["poll"] == ["not seen", "waiting"]
        assert told["compute"][:1] == ["not seen"]
        assert set(told["sleep"]) <= {"sleeping"}, "it had no turn, so it sleeps"
        known = sum(event.data["cpu_ms"] for event in sampled.of("compute"))
        assert before < known <= used(sampled.pids["compute"])


def test_of_a_new_interpreter_it_is_not_known_whether_it_started_while_the_observer_did_not_look():
    with Sampled(WAITS, "compute") as sampled:
        sampled.until_seen({"compute": State.COMPUTING})
        compute = sampled.pids["compute"]
        before = used(compute)
        wait_until(lambda: used(compute) > before + 20)
        sampled.sampler._processes[compute].starting = True
        sampled.sampler.pacing.due_at -= 1  # so the look is late by a second
        count = len(sampled.events)
        sampled.look()
        told = [event.name for event in sampled.events[count:] if event.pid == compute]
        assert told == ["not seen", "starting"]


@pytest.mark.parametrize(("late", "state"), [(False, "starting"), (True, "not seen")])
def test_what_a_new_interpreter_has_done_since_its_birth_is_known_if_the_first_look_is_in_time(
    late, state, monkeypatch
):
    class New(SampledProcess):
        def identify(self, parent):
            changed = super().identify(parent)
            self.starting = True
            return changed

    monkeypatch.setattr(sampler_module, "SampledProcess", New)
    with Sampled(WAITS, "sleep") as sampled:
        sampled.until(lambda: sampled.pids.get("sleep") in sampled.sampler._processes, "the process")
        pid = sampled.pids["sleep"]
        for thread in sampled.sampler._processes.pop(pid).threads.values():
            thread.close()
        wait_until(lambda: time.monotonic_ns() - procfs.born_ns(procfs.stat(pid).start_ticks) > 100_000_000)
        sampled.sampler._checked_ns = time.monotonic_ns()  # the last look was just now
        sampled.sampler._late = late
        sampled.sampler._find([pid], None)  # as for the first time
        count = len(sampled.events)
        sampled.look()
        new = [event for event in sampled.events[count:] if event.pid == pid]
        assert new[0].name == state
        assert new[0].data["call"] == ""


def test_a_process_that_ended_while_the_observer_did_not_look_was_not_seen_to_the_end():
    with Sampled(WAITS, "sleep") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING})
        sampled.say()
        wait_until(lambda: procfs.stat(sampled.pid).state == "Z")
        os.kill(sampled.pids["sleep"], signal.SIGKILL)
        wait_until(lambda: procfs.stat(sampled.pids["sleep"]).state == "Z")
        sampled.sampler.pacing.due_at -= 1
        sampled.look()
        assert [event.name for event in sampled.of("sleep")[-2:]] == ["not seen", "gone"]


@pytest.mark.parametrize("place", ["_births.look", "pacing.note"])
def test_a_pause_within_a_look_is_as_well_time_in_which_nothing_was_seen(place, monkeypatch):
    part, name = place.split(".")
    monkeypatch.setattr(sampler_module, "_LATE_NS", 100_000_000)
    with Sampled(WAITS, "sleep", "poll") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING, "poll": State.WAITING})
        paused = getattr(sampled.sampler, part)
        go_on, sleep, poll = getattr(paused, name), sampled.pids["sleep"], sampled.pids["poll"]

        def pause(*args):
            if procfs.stat(poll).state != "Z":
                os.kill(poll, signal.SIGKILL)
                over = time.monotonic() + 0.2
                wait_until(lambda: time.monotonic() > over and procfs.stat(poll).state == "Z")
            return go_on(*args)

        monkeypatch.setattr(paused, name, pause)
        count = len(sampled.events)
        sampled.until_seen({"poll": State.ZOMBIE})
        assert [e.name for e in sampled.events[count:] if e.pid == poll] == ["not seen", "zombie"]
        told = {event.name for event in sampled.events[count:] if event.pid == sleep}
        assert told <= {"sleeping"}, "it had no turn, so it sleeps"


def test_after_a_pause_in_the_midst_of_a_look_none_was_seen_all_the_time(monkeypatch):
    monkeypatch.setattr(sampler_module, "_LATE_NS", 100_000_000)
    with Sampled(WAITS, "sleep", "poll") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING, "poll": State.WAITING})
        sleep, look_at, count = sampled.pids["sleep"], sampled.sampler._look_at, len(sampled.events)

        def pause_behind(process):
            look_at(process)
            if process.pid == sleep and procfs.stat(sleep).state != "Z":
                os.kill(sleep, signal.SIGKILL)
                over = time.monotonic() + 0.2
                wait_until(lambda: time.monotonic() > over and procfs.stat(sleep).state == "Z")

        monkeypatch.setattr(sampled.sampler, "_look_at", pause_behind)
        sampled.until_seen({"sleep": State.ZOMBIE})
        told = [event.name for event in sampled.events[count:] if event.pid == sleep]
        assert [name for name in told if name != "sleeping"] == ["not seen", "zombie"]


@pytest.mark.parametrize("looks_before", [True, False])
def test_a_root_that_nobody_has_waited_for_is_gone_once_and_for_all(looks_before):
    with Sampled("input()") as sampled:
        if looks_before:
            sampled.until(lambda: sampled.events, "the root")
        sampled.say()
        wait_until(lambda: procfs.stat(sampled.pid).state == "Z")
        late = Sampler(sampled.pid, roles={sampled.pid: "late"})
        for sampler in (sampled.sampler, late):
            told = [event for _ in range(9) for event in sampler.look()]
            end = [event.name for event in told].index("gone")
            assert {event.name for event in told[end:]} == {"gone"}
            assert len(told[end:]) == 1 + (sampler is late), "at the first look, and at the second"
            assert len({event.role for event in told}) == 1
        late.close()


def test_a_zombie_says_whose_fault_it_is_and_then_it_is_gone():
    with Sampled(WAITS, "sleep") as sampled:
        sampled.until_seen({"sleep": State.SLEEPING})
        os.kill(sampled.pids["sleep"], signal.SIGKILL)
        sampled.until_seen({"sleep": State.ZOMBIE})
        assert sampled.last("sleep").data["ppid"] == sampled.pid
        sampled.say()  # its parent ends, so it becomes our child
        sampled.until_seen({"sleep": State.GONE})
        assert sampled.last("sleep").data["looks"] > 1


GIL = """
    import threading, time
    def compute():
        while True: pass
    threading.Thread(target=compute, daemon=True).start()
    threading.Thread(target=compute, daemon=True).start()
    compute()
"""


@pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="this Python has no GIL")
def test_threads_that_wait_for_the_gil_are_blocked_by_it():
    with Sampled(GIL) as sampled:
        blocked = sampled.until(
            lambda: {e.tid for e in sampled.events if e.name == "blocked" and e.data.get("lock") == "GIL"},
            "a thread that waits for the GIL",
        )
        sampled.until(lambda: len({event.tid for event in sampled.events}) == 3)
        assert blocked
        threads = {event.data["thread"] for event in sampled.events}
        assert threads == {"MainThread", "thread 2", "thread 3"}


LINE = """
    import multiprocessing, os, sys
    mp = multiprocessing.get_context(sys.argv[1])
    def work(tasks):
        while tasks.get() is not None: pass
    def hold(lock):
        with lock: pass
    if __name__ == "__main__":
        tasks, lock = mp.Queue(), mp.Lock()
        lock.acquire()
        for number in range(3):
            worker = mp.Process(target=work, args=(tasks,))
            worker.start()
            os.write(1, f"worker-{number} {worker.pid}\\n".encode())
        sys.stdin.read(1)
"""


def test_workers_in_line_for_one_queue_all_wait():
    roles = {}
    with Sampled(LINE, "fork", roles=roles) as sampled:
        workers = [f"worker-{number}" for number in range(3)]
        sampled.until_seen(dict.fromkeys(workers, State.WAITING))
        calls = sorted(sampled.last(worker).data["call"] for worker in workers)
        assert calls == ["futex", "futex", "read"]
