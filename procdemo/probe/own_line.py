"""The line of a program's own code in a stack, and its text, as the process itself sees the file."""

import os
import re
import stat
import time
from contextlib import suppress
from functools import lru_cache

from procdemo.probe.stack_dumps import Frame, Stack
from procdemo.process import procfs

_LIBRARY = re.compile(
    r"<frozen |(?:^|/)lib(?:64)?/python[\d.]+t?/(?!site-packages/)|(?:^|/)lib/pypy[\d.]+/(?!site-)"
)
_INSTALLED = re.compile(r"/(?:site|dist)-packages/")
_LONGEST = 2_000


def own_frame(stack: Stack) -> Frame | None:
    """Return the innermost frame of the program's own code: not Python's library, and not an installed package.

    If there is none, that of a package; if there is none of these, the innermost frame of all.
    """
    no_library = [frame for frame in stack if not _LIBRARY.search(frame.path)]
    own = [frame for frame in no_library if not _INSTALLED.search(frame.path)]
    return next(iter([*own, *no_library, *stack]), None)


def source(pid: int, frame: Frame) -> str:
    """Return the text of a line, as the process sees the file; empty if the file is gone, or newer than it.

    Only files of Python are read: a process could name any file as its own.
    """
    path = frame.path
    if not path.startswith("/"):
        with suppress(OSError):
            path = f"{os.readlink(f'/proc/{pid}/cwd')}/{path}"
    lines = _lines(f"/proc/{pid}/root{path}", _started(pid)) if path.startswith("/") else ()
    return lines[frame.line - 1].strip() if 0 < frame.line <= len(lines) else ""


@lru_cache(64)
def _lines(path: str, started: float) -> tuple[str, ...]:
    with suppress(OSError, ValueError):
        if not path.endswith((".py", ".pyw")) or not os.path.realpath(path).endswith((".py", ".pyw")):
            return ()
        file = os.stat(path)
        if not stat.S_ISREG(file.st_mode) or file.st_mtime > started:
            return ()
        with open(path, encoding="utf-8", errors="backslashreplace") as text:
            return tuple(line[:_LONGEST] for line in text)
    return ()


def _started(pid: int) -> float:
    """Return when a process was started, in seconds since 1970, not too early."""
    found = procfs.stat(pid)
    ticks = found.start_ticks + 1 if found else 0
    return ticks / os.sysconf("SC_CLK_TCK") + time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
