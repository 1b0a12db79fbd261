"""Adopt the processes below this one whose parent has died, so that they can be waited for and ended (Linux).

Most processes of a demo are in its process group and end with it; a script of the lab is in no group of ours.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable

from procdemo.process import procfs

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


def adopt_orphans() -> None:
    """Become the parent of every orphan below this process, now and from now on."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - takes 5 ms, while the demo already runs

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap() -> tuple[dict[int, int], bool]:
    """Wait for the children that have ended, adopted ones too.

    Returns:
        The PID of each -> its exit status, or the negative number of a signal; and whether any are left.
    """
    ended: dict[int, int] = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return ended, True
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended, False


def kill_children(since_ns: int, is_ours: Callable[[int], bool]) -> None:
    """Kill the children of this process that were started after `since_ns`.

    The clock is CLOCK_BOOTTIME. A time of `time.monotonic_ns` will do: it leaves out how long the machine was
    suspended, so it is too early, if anything, and no young child is missed.
    Only those of which `is_ours` says so: orphans below a child that was inherited are adopted, too.
    """
    own, ticks_per_s = os.getpid(), os.sysconf("SC_CLK_TCK")
    for pid, stat in procfs.processes():
        if stat.parent == own and (stat.start_ticks + 1) / ticks_per_s > since_ns / 1e9 and is_ours(pid):
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                os.kill(pid, signal.SIGKILL)
