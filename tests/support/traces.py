"""What a command may leave behind: marked processes, files, shared memory."""

import contextlib
import os
import select
import shutil
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from processes import Process, command_line, gone, processes, tree

GONE_S = 1.0  # O3: how long after the end of the command a descendant may live
_MARK = "HARNESS_RUN"
_OURS = ("PROCDEMO_", "PYTHON", "CLICOLOR", "TTY_")
_STRANGERS = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "CI", "TERM", "COLORTERM", "LC_ALL", "TMPDIR"}


class Traces:
    """The marks of the processes of one command: a variable in the environment, a temporary directory.

    Its descendants inherit both, whatever group or session they move to.
    """

    def __init__(self) -> None:
        self._mark = uuid.uuid4().hex
        self._temporary = tempfile.mkdtemp(prefix="pd-", dir="/tmp")  # short: socket names have 107 bytes
        self._shared_memory = set(os.listdir("/dev/shm"))
        self._seen: set[int] = set()

    def environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Return ours with the mark and `changes`, without variables that change what the command does."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_OURS) and name not in _STRANGERS
        }
        strict = "error::DeprecationWarning,error::ResourceWarning"
        return {**kept, "PYTHONWARNINGS": strict, "TMPDIR": self._temporary, **changes, _MARK: self._mark}

    def survivors(self) -> dict[int, Process]:
        """Return live processes with the mark, or without memory: one that ends frees its memory first."""
        mark = f"{_MARK}={self._mark}".encode()
        found = {}
        for process in tree(os.getpid()).values():
            environment = b""  # ProcessLookupError: its memory is freed already, its files perhaps not
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                environment = Path(f"/proc/{process.pid}/environ").read_bytes()
            if process.alive and (mark in environment or not environment) and not gone(process.pid):
                found[process.pid] = process
        self._seen |= found.keys()
        return found

    def reap(self, command: int) -> bool:
        """Reap orphans of this command that are our children and have ended; return whether all have."""
        ours = [each for each in processes().values() if each.session == command or each.pid in self._seen]
        orphans = [each for each in ours if each.pid != command]
        for orphan in orphans:
            if orphan.parent == os.getpid() and not orphan.alive:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan.pid, os.WNOHANG)
        return not orphans

    def temporary(self) -> list[str]:
        """Return what is in the temporary directory."""
        return [str(path) for path in Path(self._temporary).rglob("*")]

    def shared_memory(self) -> frozenset[str]:
        """Return what is new in /dev/shm, and will stay."""
        return frozenset(shared_memory_left(self._shared_memory))

    def erase(self) -> None:
        """Remove the temporary directory."""
        shutil.rmtree(self._temporary)


def shared_memory_left(before: set[str], prefix: str = "") -> set[str]:
    """Return new entries of /dev/shm (beginning so) that will stay for ever: no live process uses them.

    A resource tracker removes names a moment after the end of its processes, so an entry
    counts if it is still there after a second. Other programs on this machine may leave some to
    their own trackers; while there are such, it takes longer to be sure.
    """
    started, looks = time.monotonic(), 0
    new = {name for name in os.listdir("/dev/shm") if name.startswith(prefix)} - before
    while new and (looks < 20 or time.monotonic() < started + GONE_S * (10 if _strange_trackers() else 1)):
        looks += 1  # on a busy machine a single one can take a second
        select.select([], [], [], 0.02)
        new &= set(os.listdir("/dev/shm"))
        for process in processes():
            with contextlib.suppress(OSError):
                maps = Path(f"/proc/{process}/maps").read_text("utf-8", "replace")
                new = {name for name in new if f"/dev/shm/{name}\n" not in maps}
    return new


def _strange_trackers() -> bool:
    """Return whether a resource tracker runs that is not under this process."""
    strangers = processes().keys() - tree(os.getpid()).keys()
    return any("resource_tracker" in command_line(pid) for pid in strangers)
