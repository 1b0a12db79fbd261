"""Child processes, each joined at the moment it ends.

multiprocessing reaps a finished child when the next one is started, and asks every living child
first (`Process.start` in multiprocessing/process.py): without new children zombies stay, and
with thousands of children each start takes longer than the one before.
"""

import gc
import multiprocessing.process
import multiprocessing.util
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess

from procdemo.process import fork_server, procfs
from procdemo.process.early_death import allow_early_death
from procdemo.process.exit_status import MAIN, Exit
from procdemo.process.selector_loop import SelectorLoop

_KILLED = -9  # exit code after SIGKILL
_KILLED_S = 5.0  # for the kernel to end a killed process
_PAUSE_S = 0.001


class Child:
    """A child process that was started."""

    __slots__ = ("_born", "_killed", "_process", "name", "pid", "started")

    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        self.name = process.name
        self.pid = process.pid or 0
        self.started = time.monotonic()
        """When, in seconds of `time.monotonic`."""
        self._killed = False
        by_server = getattr(process, "_start_method", "") == "forkserver"
        self._born = _birth(self.pid) if by_server else 0

    def kill(self) -> None:
        """Kill the process; its `Exit` will say that the main process did it, if it still lived."""
        self._killed |= not procfs.LINUX or bool(_birth(self.pid))
        self._process.kill()

    def join(self) -> Exit:
        """Return how the process, which has ended, ended.

        If its fork server has ended before it, it seems to have ended, and lives: then it is killed.
        """
        self._process.join()
        exitcode = self._process.exitcode
        if exitcode == fork_server.UNKNOWN and self._lives():
            os.kill(self.pid, signal.SIGKILL)
            give_up = time.monotonic() + _KILLED_S
            while self._lives() and time.monotonic() < give_up:
                time.sleep(_PAUSE_S)  # noqa: TID251 - it is no child of ours: nothing tells of its end
            exitcode = _KILLED
        return Exit(self.name, self.pid, exitcode, MAIN if self._killed and exitcode == _KILLED else "")

    def _lives(self) -> bool:
        """Return whether a process that the fork server has started still runs; its PID may be another's."""
        return bool(self._born) and _birth(self.pid) == self._born


def _birth(pid: int) -> int:
    """Return when a process was started, in ticks since the machine was booted; 0 if it has ended."""
    found = procfs.stat(pid)
    return found.start_ticks if found and found.alive else 0


class Children:
    """The living children of one process."""

    def __init__(self, loop: SelectorLoop, on_exit: Callable[[Exit], object]) -> None:
        """Notice each end while `loop` runs, and call `on_exit` with it once."""
        self._loop = loop
        self._on_exit = on_exit
        self._by_sentinel: dict[int, Child] = {}
        self._finish_by_sentinel: dict[int, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._by_sentinel)

    def start(self, process: BaseProcess) -> Child:
        """Start `process`, and join it when it ends.

        Raises:
            OSError: it cannot be started: too many processes or descriptors, or no memory.
        """
        _find_room()
        allow_early_death(process)
        gc.freeze()  # or the collector, in a forked child, touches and so copies what it inherited
        process.start()
        return self._watch(process, _keep_from_siblings(process))

    def adopt(self, process: BaseProcess) -> Child:
        """Join `process`, which a `multiprocessing.Pool` has started, when it ends."""
        return self._watch(process, lambda: None)

    def _watch(self, process: BaseProcess, restore_finalizer: Callable[[], None]) -> Child:
        sentinel = process.sentinel
        child = self._by_sentinel[sentinel] = Child(process)

        def finish() -> None:
            del self._by_sentinel[sentinel], self._finish_by_sentinel[sentinel]
            self._loop.remove_reader(sentinel)
            self._on_exit(child.join())
            restore_finalizer()
            process.close()

        self._finish_by_sentinel[sentinel] = finish
        self._loop.add_reader(sentinel, finish)
        return child

    def stop(self, grace: float) -> int:
        """Wait `grace` seconds for the children to end, then kill the rest; return how many those were."""
        if self._loop.wait_until(lambda: not self._by_sentinel, grace):
            return 0
        killed = len(self._by_sentinel)
        for child in self._by_sentinel.values():
            child.kill()
        self._loop.wait_until(lambda: not self._by_sentinel, _KILLED_S)
        return killed

    def kill_all(self) -> None:
        """Kill the children, and join them; the loop does not run meanwhile."""
        for child in self._by_sentinel.values():
            child.kill()
        for finish in list(self._finish_by_sentinel.values()):
            finish()


def _find_room() -> None:
    """Raise OSError if there are no descriptors for a new process; `Process.start` would leak two.

    It opens one pipe, then another, and when that fails never closes the first
    (multiprocessing/popen_fork.py).
    """
    ends: list[int] = []
    try:
        for _ in range(3):  # and one descriptor for what the process is given, and one to spare
            ends += os.pipe()
    finally:
        for fd in ends:
            os.close(fd)


def _keep_from_siblings(process: BaseProcess) -> Callable[[], None]:
    """Hide a started process from later ones; return a function that undoes it.

    Call that function before `process.close()`.

    multiprocessing keeps every child in a set and its descriptors in a registry. A forked
    sibling inherits both and takes them apart, object by object, each a page copied: with
    2,000 children 1 MB and 20 ms for each more.
    """
    getattr(multiprocessing.process, "_children", set()).discard(process)
    registry: dict[object, object] = getattr(multiprocessing.util, "_finalizer_registry", {})
    finalizer = getattr(getattr(process, "_popen", None), "finalizer", None)
    key = getattr(finalizer, "_key", None)
    if key not in registry:
        return lambda: None
    return partial(registry.__setitem__, key, registry.pop(key))
