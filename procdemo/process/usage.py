"""What a process tree uses, and whether the machine had time for it."""

import contextlib
import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from procdemo.process import procfs

BUSY = 0.2
"""The share of all usable CPU time that, used by others, spoils a comparison of times."""

_MEASURABLE_S = 0.02
_PROBE_S = 0.1
_PROCESS_CLOCK = 2  # CPUCLOCK_SCHED (linux/posix-timers.h)


class CpuUsage:
    """Measures a block of code: `wall_s` on the clock, and how busy the CPUs were meanwhile."""

    def __init__(self, cpus: int) -> None:
        """Measure on a machine of which we may use `cpus` CPUs."""
        self._cpus = cpus
        self.wall_s = 0.0
        self._used_s: float | None = None

    def __enter__(self) -> Self:
        procfs.require("whether the machine was busy")
        self._begin_s, self._begin_all_s = time.monotonic(), _all_s()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wall_s = time.monotonic() - self._begin_s
        now = _all_s()
        if self._begin_all_s is not None and now is not None:
            self._used_s = now - self._begin_all_s

    def share_of_others(self, own_s: float) -> float:
        """Return the share of our CPUs' time that others used, if we used `own_s`; 0 where unknown."""
        if self._used_s is None:
            return 0.0
        return max(self._used_s - own_s, 0.0) / (self._cpus * self.wall_s)


def amount_of(work: Callable[[float], None], seconds: float) -> float:
    """Return the amount, at least 20,000, for which `work(amount)` takes so many seconds here."""
    amount, took = 10_000, 0.0
    while took < _MEASURABLE_S:
        amount *= 2
        before = time.thread_time()
        work(amount)
        took = time.thread_time() - before
    return amount * seconds / took


def slowdown() -> float:
    """Return how many times longer than its CPU time a thread needs now, because others want the CPUs, too.

    It computes for 0.1 s, or for so long that it has had that much of a CPU.
    """
    wall, cpu = time.monotonic(), time.thread_time()
    while time.thread_time() - cpu < _PROBE_S:
        pass
    return (time.monotonic() - wall) / (time.thread_time() - cpu)


class ThreadUsage(NamedTuple):
    """CPU time that a thread has used so far."""

    cpu_s: float
    busy_s: float
    """`cpu_s`, and the time in which it could have run but no CPU was free."""

    @classmethod
    def now(cls) -> "ThreadUsage":
        """Return that of this thread (Linux, Documentation/scheduler/sched-stats: schedstat)."""
        cpu_s = time.thread_time()
        _, waited_ns, *_ = procfs.read("/proc/thread-self/schedstat").split() or (0, 0)
        return cls(cpu_s, cpu_s + int(waited_ns) / 1e9)

    def share(self, before: "ThreadUsage", seconds: float) -> "ThreadUsage":
        """Return what was used since `before`, divided by `seconds`."""
        return ThreadUsage((self.cpu_s - before.cpu_s) / seconds, (self.busy_s - before.busy_s) / seconds)


def process_tree(pid: int) -> list[int]:
    """Return `pid` and, on Linux, its descendants."""
    found = [pid]
    for member in found:  # which grows meanwhile
        found += procfs.children(member)
    return found


def tree_cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process tree, with those of members that have ended and were waited for.

    Of those that live, to the nanosecond: each process has a clock of its CPU time, whose number is
    made of its PID (clock_getcpuclockid(3)). Of the others, in ticks of 10 ms (proc(5), stat).
    """
    seconds = 0.0
    for member in process_tree(pid):
        with contextlib.suppress(OSError):  # it is gone
            seconds += time.clock_gettime(~member << 3 | _PROCESS_CLOCK)
            if stat := procfs.stat(member):
                seconds += stat.reaped_cpu_ticks / os.sysconf("SC_CLK_TCK")
    return seconds


def tree_sleeps(pid: int) -> bool:
    """Return whether no thread of a process tree has anything to do (proc(5), stat: the state is S)."""
    threads = ((member, tid) for member in process_tree(pid) for tid in procfs.tasks(member))
    return all(stat.state == "S" for thread in threads if (stat := procfs.stat(*thread)))


def tree_own_kib(pid: int) -> int:
    """Return the memory that a process tree shares with no other process, in KiB (proc(5), smaps_rollup)."""
    found = 0
    for member in process_tree(pid):
        lines = procfs.read(f"/proc/{member}/smaps_rollup").decode("ascii").splitlines()
        found += sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return found


def _all_s() -> float | None:
    """Return the seconds that all processes used on our CPUs since boot (proc(5), stat); None if unknown.

    Interrupts are left out, because they belong to no process: most come from our own packets on loopback.
    """
    ours = {f"cpu{number}" for number in os.sched_getaffinity(0)} if hasattr(os, "sched_getaffinity") else ()
    ticks = 0
    for line in procfs.read("/proc/stat").decode("ascii").splitlines():
        name, *fields = line.split()
        if name in ours:
            user, nice, system, _idle, _iowait, _irq, _softirq, steal, *_ = map(int, fields)
            ticks += user + nice + system + steal
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else None
