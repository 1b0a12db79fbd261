"""Child processes of a server, each reaped at the moment it ends.

multiprocessing reaps a finished child when the next one is started, and asks every living child
first (`Process.start` in multiprocessing/process.py): without new clients zombies stay, and
with thousands of children each start takes longer than the one before.
"""

import gc
import multiprocessing.process
import multiprocessing.util
import os
from collections.abc import Callable
from functools import partial
from multiprocessing.process import BaseProcess

from procdemo.servers.listener import Listener


class Children:
    """The children of one server."""

    def __init__(self, door: Listener, ended: Callable[[BaseProcess], None]) -> None:
        """Reap with the help of `door`'s wait; call `ended` with each process that has ended."""
        self._door = door
        self._ended = ended
        self._members: dict[int, BaseProcess] = {}

    def __len__(self) -> int:
        return len(self._members)

    def enlist(self, process: BaseProcess) -> None:
        """Start `process` and see to its end.

        Raises:
            OSError: it cannot be started: too many processes or descriptors, or no memory.
        """
        _find_room()
        gc.freeze()  # or the collector, in a forked child, touches and so copies what it inherited
        process.start()
        own_up = _keep_from_siblings(process)
        sentinel = process.sentinel
        self._members[sentinel] = process
        self._door.watch(sentinel, lambda: self._reap(sentinel, own_up))

    def _reap(self, sentinel: int, own_up: Callable[[], None]) -> None:
        process = self._members.pop(sentinel)
        self._door.unwatch(sentinel)
        process.join()
        self._ended(process)
        own_up()
        process.close()

    def dismiss(self, grace: float) -> int:
        """Give them `grace` seconds to finish, then kill; return how many had to be killed."""
        if self._door.attend(lambda: not self._members, grace):
            return 0
        stayed = len(self._members)
        for process in self._members.values():
            process.kill()
        self._door.attend(lambda: not self._members, 5.0)
        return stayed


def _find_room() -> None:
    """Raise OSError if there are no descriptors for a new process; `Process.start` would lose half of them.

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
    """Hide a started process from those started after it; return what undoes this before its close().

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
