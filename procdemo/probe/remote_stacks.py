"""The stacks of a process, read from outside by Python itself (3.14 and later); it may be stopped.

Why not faulthandler, as in `stack_dumps`? In a free-threaded build of Python 3.14 and later it shows one
thread only (python/cpython#128425). CPython's own tools, as ``python -m asyncio pstree``, read the memory of
the other process with the module ``_remote_debugging``. It is private, and reads only processes of its own
version of Python. It was tried with builds that have a GIL, 3.14.10 and 3.15.2, under fork, spawn and
forkserver: it finds each thread that Python knows, by its own number, in half a millisecond. On 3.14
outermost frames may be missing.
"""

import sys
from importlib import import_module
from typing import Any

from procdemo.probe.stack_dumps import Frame, Stack, since_fork
from procdemo.process import python_build

NEEDED = sys.version_info >= (3, 14) and python_build.is_free_threaded()
"""Whether faulthandler of this Python does not show all threads."""

FAILS = (ImportError, OSError, RuntimeError, ValueError, MemoryError, AttributeError, TypeError)
"""What reading may raise: there is no such module, or another one; the process ends, or is not ours."""


def read(pid: int) -> dict[int, Stack] | None:
    """Return the stack of each thread that Python knows, by its number (TID); None if they cannot be read."""
    try:
        unwinder = import_module("_remote_debugging").RemoteUnwinder(pid, all_threads=True)
        found = unwinder.get_stack_trace()
        return {thread.thread_id: since_fork(stack_of(thread.frame_info)) for thread in _threads(found)}
    except FAILS:
        return None


def _threads(found: list[Any]) -> list[Any]:
    """Return the threads; Python 3.15 has them by interpreter."""
    return [
        thread for each in found for thread in (each.threads if hasattr(each, "interpreter_id") else [each])
    ]


def stack_of(frames: list[Any]) -> Stack:
    """Return the stack of these frames, as the module has them."""
    return [Frame(frame.filename, _line(frame), frame.funcname.rpartition(".")[2]) for frame in frames]


def _line(frame: Any) -> int:
    """Return the number of its line; 0 for a frame without one. Python 3.15 has a range of places instead."""
    if hasattr(frame, "lineno"):
        return frame.lineno or 0
    return frame.location.lineno if frame.location else 0
