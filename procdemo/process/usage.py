"""What a family of processes uses, and whether the machine had time for it."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

BUSY = 0.2
"""The share of all usable CPU time that, used by others, spoils a comparison of times."""

_MEASURABLE_S = 0.02
_PROCESS_CLOCK = 2  # CPUCLOCK_SCHED (linux/posix-timers.h)


class CpuUsage:
    """Measures the block: `wall_s` on the clock, and how busy everybody was."""

    def __init__(self, cpus: int) -> None:
        """Look at a machine of which we may use `cpus` CPUs."""
        self._cpus = cpus
        self.wall_s = 0.0
        self._everybody_s: float | None = None

    def __enter__(self) -> Self:
        self._begin_s, self._begin_all_s = time.monotonic(), _all_s()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wall_s = time.monotonic() - self._begin_s
        now = _all_s()
        if self._begin_all_s is not None and now is not None:
            self._everybody_s = now - self._begin_all_s

    def others(self, own_s: float) -> float:
        """Return the share of our CPUs' time that others used, if we used `own_s`; 0 where unknown."""
        if self._everybody_s is None:
            return 0.0
        return max(self._everybody_s - own_s, 0.0) / (self._cpus * self.wall_s)


def amount_of(work: Callable[[float], None], seconds: float) -> float:
    """Return how much of the work, 20,000 or more of it, takes so long here."""
    amount, took = 10_000, 0.0
    while took < _MEASURABLE_S:
        amount *= 2
        before = time.thread_time()
        work(amount)
        took = time.thread_time() - before
    return amount * seconds / took


class ThreadUsage(NamedTuple):
    """What a thread has done so far."""

    cpu_s: float
    busy_s: float
    """With the time in which it could have gone on, had a CPU been free."""

    @classmethod
    def now(cls) -> "ThreadUsage":
        """Return that of this thread (Linux, Documentation/scheduler/sched-stats: schedstat)."""
        cpu_s = time.thread_time()
        try:
            waited_ns = int(Path("/proc/thread-self/schedstat").read_text("ascii").split()[1])
        except (OSError, IndexError):
            waited_ns = 0
        return cls(cpu_s, cpu_s + waited_ns / 1e9)

    def share(self, before: "ThreadUsage", seconds: float) -> "ThreadUsage":
        """Return what was done since `before`, as parts of `seconds`."""
        return ThreadUsage((self.cpu_s - before.cpu_s) / seconds, (self.busy_s - before.busy_s) / seconds)


def process_tree(pid: int) -> list[int]:
    """Return `pid` and its descendants (proc(5), /proc/PID/task/TID/children); elsewhere `pid` alone."""
    found = [pid]
    for member in found:
        with contextlib.suppress(OSError):  # it, or one of its threads, ends while we look
            for thread in list(Path(f"/proc/{member}/task").iterdir()):
                with contextlib.suppress(OSError):
                    found += map(int, (thread / "children").read_text("ascii").split())
    return found


def tree_cpu_s(pid: int) -> float:
    """Return the CPU seconds of a family, with those of members that have ended and were waited for.

    Of those that live, to the nanosecond: each process has a clock of its CPU time, whose number is
    made of its PID (clock_getcpuclockid(3)). Of the others, in ticks of 10 ms (proc(5), stat).
    """
    seconds = 0.0
    for member in process_tree(pid):
        with contextlib.suppress(OSError):  # it is gone
            seconds += time.clock_gettime(~member << 3 | _PROCESS_CLOCK)
            stat = Path(f"/proc/{member}/stat").read_text("utf-8", "replace")
            ticks = sum(map(int, stat.rpartition(") ")[2].split()[13:15]))
            seconds += ticks / os.sysconf("SC_CLK_TCK")
    return seconds


def tree_sleeps(pid: int) -> bool:
    """Return whether no thread of a family has anything to do (proc(5), stat: the state is S)."""
    for member in process_tree(pid):
        with contextlib.suppress(OSError):  # it, or one of its threads, ends while we look
            for thread in list(Path(f"/proc/{member}/task").iterdir()):
                stat = (thread / "stat").read_text("utf-8", "replace")
                if stat.rpartition(") ")[2][0] != "S":
                    return False
    return True


def tree_own_kib(pid: int) -> int:
    """Return the memory that the processes of a family share with nobody, in KiB (proc(5), smaps_rollup)."""
    found = 0
    for member in process_tree(pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{member}/smaps_rollup").read_text("ascii").splitlines()
            found += sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    return found


def _all_s() -> float | None:
    """Return everybody's seconds on our CPUs since the start (proc(5), /proc/stat); None elsewhere.

    Without interrupts, which are nobody's: most are what our own packets on loopback make.
    """
    ours = {f"cpu{number}" for number in os.sched_getaffinity(0)} if hasattr(os, "sched_getaffinity") else ()
    ticks = 0
    try:
        for line in Path("/proc/stat").read_text("ascii").splitlines():
            name, *fields = line.split()
            if name in ours:
                user, nice, system, _idle, _iowait, _irq, _softirq, steal, *_ = map(int, fields)
                ticks += user + nice + system + steal
    except (OSError, ValueError):
        return None
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else None
