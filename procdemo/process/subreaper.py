"""Processes of a demo whose parent has died: adopted, so that they can be waited for and ended (Linux).

Most of them are in the demo's process group and end with it; a script of the lab is not.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


def adopt() -> None:
    """Become the parent of every orphan below this process, now and from now on."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - while the stage already runs

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill(since_ns: int) -> None:
    """End the children of this process that began after `since_ns` (`time.monotonic_ns`)."""
    if sys.platform != "linux":
        return
    own, ticks_per_s = os.getpid(), os.sysconf("SC_CLK_TCK")
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended by itself
            fields = stat.read_text("utf-8", "replace").rpartition(") ")[2].split()
            if int(fields[1]) == own and (int(fields[19]) + 1) / ticks_per_s > since_ns / 1e9:
                os.kill(int(stat.parent.name), signal.SIGKILL)
