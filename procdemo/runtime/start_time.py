"""When this process began: an interpreter that starts anew is busy for long before it can say so."""

import os
import time
from pathlib import Path


def born_ns() -> int:
    """Return when this process was started (`time.monotonic_ns`), 10 ms too early at most.

    Linux counts that in ticks since it was booted itself (proc(5), field starttime of
    /proc/self/stat); elsewhere it is now.
    """
    now_ns = time.monotonic_ns()
    try:
        ticks = int(Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(") ")[2].split()[19])
        age_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - ticks * 10**9 // os.sysconf("SC_CLK_TCK")
    except (AttributeError, OSError, ValueError, IndexError):
        return now_ns
    return now_ns - max(age_ns, 0)
