"""Whether the machine had time for us: what others used of its CPUs while we measured."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

BUSY = 0.2
"""The share of all usable CPU time that, used by others, spoils a comparison of times."""

_MEASURABLE_S = 0.02


class Machine:
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


def _all_s() -> float | None:
    """Return everybody's seconds on our CPUs since the start (proc(5), /proc/stat); None elsewhere."""
    ours = {f"cpu{number}" for number in os.sched_getaffinity(0)} if hasattr(os, "sched_getaffinity") else ()
    ticks = 0
    try:
        for line in Path("/proc/stat").read_text("ascii").splitlines():
            name, *fields = line.split()
            if name in ours:
                user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, fields)
                ticks += user + nice + system + irq + softirq + steal
    except (OSError, ValueError):
        return None
    return ticks / os.sysconf("SC_CLK_TCK") if ticks else None
