"""Find all processes of a demo, and end them so that nothing of theirs stays.

Every process of a demo bears a mark, the name of the demo's temporary directory. A forked process has it in
its memory map: a shared page of a deleted file of that directory. A process that was started anew has it in
its environment. (The environment alone would not do: ``/proc/PID/environ`` shows that of the last exec(2), so
for a forked process that of the command.)

A semaphore of `multiprocessing` has a name in /dev/shm from ``sem_open()`` until it is unlinked or registered
with the resource tracker (sem_overview(7); multiprocessing/synchronize.py), shared memory from ``mkstemp()``
to ``unlink()`` (multiprocessing/heap.py). If its maker is killed in between, the name would stay for good. So
all processes are stopped first; then we look which files of /dev/shm they have open, and only then are they
killed. Files are known by inode, because ``sem_open()`` maps a temporary file before it gives it the name.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from procdemo.process import procfs
from procdemo.process.mp_helpers import is_tracker

_STOP_S = 0.3  # for all processes to stop; one in the midst of vfork(2) cannot
_KILL_S = 5.0  # for killed processes to be gone
_TRACKER_S = 1.0  # for resource trackers, which end by themselves when the others have
_PAUSE_S = 0.001

Members = Callable[[], list[tuple[int, procfs.Stat]]]
"""Tells which processes are to be ended, and how they are, each time anew."""


class MarkedProcesses:
    """The processes of one demo, seen from outside."""

    def __init__(self, mark: bytes) -> None:
        """See those that bear `mark` and, after `set_leader`, those of the demo's group."""
        self._mark = mark
        self._group = self._leader_start = 0
        self._known: set[tuple[int, int]] = set()  # PID and start; a dying process has no memory map any more
        own = procfs.stat("self")
        self._since = own.start_ticks if own else 0  # all processes of the demo are younger than the guardian

    def set_leader(self, pid: int) -> None:
        """Say which process leads the demo's group."""
        self._group = pid
        leader = procfs.stat(pid)
        self._leader_start = leader.start_ticks if leader else 0

    def end(self) -> None:
        """Kill all processes, and remove what they leave in /dev/shm."""
        if not any(procfs.processes()):  # not on Linux
            if self._group:
                with suppress(OSError):  # it is empty
                    os.killpg(self._group, signal.SIGKILL)
            return
        if not self._members(trackers=True):
            return
        files = stop_and_find_names(self._members)
        _send_until(self._members, signal.SIGKILL, "ZX", _KILL_S)
        # But not what the command had open at our fork.
        remove_names(files.difference(_shared_files(os.getpid())))
        deadline = time.monotonic() + _TRACKER_S
        while any(stat.alive for _, stat in self._members(trackers=True)) and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)  # noqa: TID251 - no event tells of the end of processes that are not our children
        for pid, _ in self._members(trackers=True):
            _send(signal.SIGKILL, pid)

    def _members(self, *, trackers: bool = False) -> list[tuple[int, procfs.Stat]]:
        """Return all processes of the demo, without its resource trackers unless these are wanted, too.

        The leader is the last: if its death orphans the group, the kernel continues what is stopped there.
        """
        young = {pid: stat for pid, stat in procfs.processes() if stat.start_ticks >= self._since}
        young.pop(os.getpid(), None)
        ours = {
            pid
            for pid, stat in young.items()
            if (pid, stat.start_ticks) in self._known or self.is_marked(pid)
        }
        # The number of a group can be used again: it is ours while its leader, or a marked process, is in it.
        leader = young.get(self._group)
        if (leader and leader.start_ticks == self._leader_start) or any(
            young[pid].group == self._group for pid in ours
        ):
            ours |= {pid for pid, stat in young.items() if stat.group == self._group}
        self._known |= {(pid, young[pid].start_ticks) for pid in ours}
        in_order = sorted(ours, key=self._group.__eq__)
        return [(pid, young[pid]) for pid in in_order if trackers or not is_tracker(pid)]

    def is_marked(self, pid: int) -> bool:
        """Return whether a process bears the mark; a zombie has none."""
        return any(self._mark in procfs.read(f"/proc/{pid}/{file}") for file in ("environ", "maps"))


def _send(signum: int, pid: int) -> None:
    with suppress(OSError):  # it is gone; or it is another user's by now
        os.kill(pid, signum)


def _shared_files(pid: int) -> Iterator[int]:
    """Yield the inodes of the files below /dev/shm that a process has mapped or open."""
    folder = os.path.realpath("/dev/shm").encode()  # noqa: S108 - only looked at
    for line in procfs.read(f"/proc/{pid}/maps").splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) > 5 and fields[5].startswith(folder):  # noqa: PLR2004 - the last one is the path
            yield int(fields[4])
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                path = f"/proc/{pid}/fd/{name}"
                if os.readlink(path).encode().startswith(folder):
                    yield os.stat(path).st_ino


def stop_and_find_names(members: Members) -> set[int]:
    """Stop processes that are about to be killed, and return the inodes of their files below /dev/shm.

    Among them are those whose names are in the making, which no resource tracker would remove.
    """
    _send_until(members, signal.SIGSTOP, "TtZX", _STOP_S)
    return {inode for pid, _ in members() for inode in _shared_files(pid)}


def _send_until(members: Members, signum: int, states: str, seconds: float) -> None:
    """Send a signal to all processes, again and again until each is in one of these states."""
    deadline = time.monotonic() + seconds
    while pids := [pid for pid, stat in members() if stat.state not in states]:
        for pid in pids:
            _send(signum, pid)
        if time.monotonic() > deadline:
            return
        time.sleep(_PAUSE_S)  # noqa: TID251 - no event tells of the end of processes that are not our children


def remove_names(inodes: set[int]) -> None:
    """Remove the names in /dev/shm of these files of ours."""
    with suppress(OSError), os.scandir("/dev/shm") as entries:  # noqa: S108
        for entry in entries:
            with suppress(OSError):  # a tracker was faster
                if entry.inode() in inodes and entry.stat(follow_symlinks=False).st_uid == os.getuid():
                    os.unlink(entry.path)
