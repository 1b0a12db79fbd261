"""Whose the names in /dev/shm are: the tests', or those of other programs.

Semaphores and shared memory of multiprocessing have such names, those of other programs as well. There are
two ways to tell theirs from ours.

- Where that is permitted (root), `make_private` gives pytest and all that it starts a /dev/shm of their own
  (mount_namespaces(7)). Everything in it is ours.
- Elsewhere a file is a command's if one of the command's processes is seen with it mapped or open while the
  command runs. Files are known by inode, because sem_open() maps a temporary file before it is named.
  The tests' own semaphores have a prefix (`semaphore_prefix`). A name that was seen with no process of ours
  is not blamed on us.
"""

import contextlib
import ctypes
import os
import select
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from processes import ours
from time_limit import TimeLimit

GONE_S = 1.0  # a resource tracker removes names a moment after the end of its processes
_FOLDER = "/dev/shm"
_LOOKS = 3  # its maker has a file open or mapped when it makes it
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 0x40000  # unshare(2), mount(2)
_outside: int | None = None  # the namespace that we come from; None while we are still in it


def make_private() -> bool:
    """Give this process, and all that it will start, a /dev/shm of their own; return whether it has one."""
    global _outside  # noqa: PLW0603 - a process has one namespace
    libc = ctypes.CDLL(None)
    if not (os.path.isdir(_FOLDER) and hasattr(libc, "unshare")):
        return False
    before = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    if (
        libc.unshare(_CLONE_NEWNS) == 0
        and libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) == 0
        and libc.mount(b"none", _FOLDER.encode(), b"tmpfs", 0, b"mode=1777") == 0
    ):
        _outside = before
        return True
    os.close(before)
    return False


def is_private() -> bool:
    """Return whether everything in /dev/shm is ours."""
    return _outside is not None


def outside() -> list[str]:
    """Return what to put before a command so that it has the /dev/shm of everyone."""
    return [] if _outside is None else ["nsenter", f"--mount=/proc/{os.getpid()}/fd/{_outside}"]


def semaphore_prefix() -> str:
    """Return how the names of the semaphores of this process and of its forked children begin."""
    return f"/pytest{os.getpid()}"


def own_shared_memory() -> "SharedMemory":
    """Return what this process and its children will make in /dev/shm, without those of a command."""
    return SharedMemory(ours, prefix=f"sem.{semaphore_prefix()[1:]}")


def inodes() -> dict[int, str]:
    """Return the names in /dev/shm by inode."""
    with os.scandir(_FOLDER) as entries:
        return {entry.inode(): entry.name for entry in entries}


def in_use(pid: int) -> set[int]:
    """Return the inodes of the files of /dev/shm that a process has mapped or open."""
    found = set()
    with contextlib.suppress(OSError):  # it has ended
        for line in Path(f"/proc/{pid}/maps").read_text("utf-8", "replace").splitlines():
            if _FOLDER in line:
                found.add(int(line.split(maxsplit=5)[4]))
        for fd in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(fd.path).startswith(_FOLDER):
                    found.add(os.stat(fd.path).st_ino)
    return found


class SharedMemory:
    """What one command, or this process, has in /dev/shm."""

    def __init__(
        self,
        processes: Callable[[], Iterable[int]],
        *,
        prefix: str | None = None,
        private: bool | None = None,
    ) -> None:
        """Remember what is there now.

        Args:
            processes: returns the PIDs whose files are meant.
            prefix: how names begin that are ours in any case.
            private: whether everything in /dev/shm is ours; None: find out.
        """
        self._processes = processes
        self._private = is_private() if private is None else private
        self._prefix = prefix
        self._before = inodes().keys()
        self._ours: set[int] = set()
        self._looks: Counter[int] = Counter()

    def look(self) -> None:
        """Find out which new files are ours: one of the processes has them mapped or open."""
        if self._private:
            return
        new = {inode for inode in inodes().keys() - self._before - self._ours if self._looks[inode] < _LOOKS}
        if new:
            self._ours |= new & _in_use_by(self._processes())
            self._looks.update(new)

    def names(self) -> set[str]:
        """Return the new names that are ours."""
        self.look()
        return set(self._names().values())

    def left(self) -> set[str]:
        """Return those of them that stay although no process of the tests uses them."""
        limit = TimeLimit(GONE_S)
        while names := self._unused():
            if limit.passed:
                return names
            select.select([], [], [], 0.02)
        return set()

    def _names(self) -> dict[int, str]:
        return {
            inode: name
            for inode, name in inodes().items()
            if inode not in self._before
            and (
                self._private
                or inode in self._ours
                or (self._prefix is not None and name.startswith(self._prefix))
            )
        }

    def _unused(self) -> set[str]:
        names = self._names()
        used = _in_use_by(ours()) if names else set()
        return {name for inode, name in names.items() if inode not in used}


def _in_use_by(pids: Iterable[int]) -> set[int]:
    return {inode for pid in pids for inode in in_use(pid)}
