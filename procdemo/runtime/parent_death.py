"""Nothing outlives the command, however it dies.

The observer holds the only writing end of a pipe. Every process of the demo has the reading
end open *for itself* and has asked the kernel for SIGKILL when the pipe hangs up
(``F_SETSIG``, ``O_ASYNC``; fcntl(2)). The observer may be killed in any way: the kernel
closes its end, and the processes go. No thread is needed, so it also works while a C call
holds the GIL and while the process is stopped.

A parent-death signal (prctl(2), PR_SET_PDEATHSIG) would not do: it fires when the *thread*
that made the process ends, and under forkserver it watches the fork server.

One thing must not be cut in half: a semaphore of `multiprocessing` has a name in /dev/shm from
``sem_open()`` until it is unlinked or registered with the resource tracker (sem_overview(7);
multiprocessing/synchronize.py), shared memory from ``mkstemp()`` to ``unlink()`` (multiprocessing/heap.py).
Whoever is killed, or raises KeyboardInterrupt, in between leaves it there for good.
"""

import contextlib
import functools
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing import reduction
from multiprocessing.context import BaseContext
from traceback import walk_stack
from types import FrameType
from typing import Any

with contextlib.suppress(ImportError):  # absent on Windows
    import fcntl

_MAKE_SEMAPHORES = ("Lock", "RLock", "Semaphore", "BoundedSemaphore")
_MAKE_MEMORY = ("RawValue", "RawArray", "Value", "Array", "Barrier")  # all else is made of these


class ParentDeathSwitch:
    """Both ends of the pipe in the observer; the reading end in every process of the demo."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._spare = os.dup(self._read)

    def hold(self) -> None:
        """In the observer: keep the writing end only."""
        os.close(self._read)
        os.close(self._spare)

    def release(self) -> None:
        """In the observer: hang up; whatever of the demo still runs is killed by the kernel."""
        os.close(self._write)

    def board(self) -> None:
        """In the stage: keep the reading end only, and arm this process and all it forks."""
        os.close(self._write)
        self._settle()

    def _settle(self) -> None:
        self.arm()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.arm)
        if sys.platform == "linux":
            for name in _MAKE_SEMAPHORES + _MAKE_MEMORY:
                setattr(BaseContext, name, self._uncut(getattr(BaseContext, name)))

    def arm(self) -> None:
        """Make this process end when the observer is gone; at once if it already is."""
        if sys.platform != "linux":
            threading.Thread(target=_leave_at_hang_up, args=(self._read,), daemon=True).start()
            return
        # Owner, signal and O_ASYNC belong to the open file description: open one of our own,
        # or the process that armed last would be the only one that dies.
        os.close(self._spare)  # a process that has no other descriptor free must be armed, too
        own = os.open(f"/proc/self/fd/{self._read}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.close(self._read)
        self._read, self._spare = own, os.dup(own)
        fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(own, fcntl.F_SETSIG, signal.SIGKILL)
        self._listen()

    def _listen(self) -> None:
        fcntl.fcntl(self._read, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
        poll = select.poll()
        poll.register(self._read, 0)  # a hang-up is always reported
        if poll.poll(0):
            os._exit(1)  # it happened while nobody listened

    def _uncut(self, make: Callable[..., Any]) -> Callable[..., Any]:
        """Return `make` such that a hang-up has to wait for its end, and a request to stop: `is_uncut`."""

        @functools.wraps(make)
        def uncut(*args: Any, **options: Any) -> Any:
            return self._finish(make, *args, **options)

        return uncut

    def _finish(self, make: Callable[..., Any], *args: Any, **options: Any) -> Any:
        fcntl.fcntl(self._read, fcntl.F_SETFL, os.O_NONBLOCK)
        try:
            return make(*args, **options)
        finally:
            self._listen()

    def __reduce__(self) -> tuple[Callable[..., "ParentDeathSwitch"], tuple[Any, ...]]:
        return _arrive, (reduction.DupFd(self._read),)


def is_uncut(frame: FrameType | None) -> bool:
    """Return whether a signal handler that interrupts `frame` must not raise an exception there."""
    return any(each.f_code is ParentDeathSwitch._finish.__code__ for each, _ in walk_stack(frame))  # noqa: SLF001


def _arrive(fd: Any) -> ParentDeathSwitch:
    """Arm the process that a `ParentDeathSwitch` has just been sent to (spawn and forkserver)."""
    lifeline = ParentDeathSwitch.__new__(ParentDeathSwitch)
    lifeline._read = fd.detach()  # noqa: SLF001 - its other constructor
    lifeline._spare = os.dup(lifeline._read)  # noqa: SLF001
    lifeline._settle()  # noqa: SLF001
    return lifeline


def _leave_at_hang_up(fd: int) -> None:
    os.read(fd, 1)
    os._exit(1)
