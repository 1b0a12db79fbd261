"""What a command may leave behind: marked processes, files, shared memory."""

import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from processes import Process, gone, tree
from shared_memory import SharedMemory

GONE_S = 1.0
"""O3: how long after the end of the command a descendant may live."""
_MARK = "HARNESS_RUN"
_OURS = ("PROCDEMO_", "PYTHON", "CLICOLOR", "TTY_")
QUICK = {
    "PROCDEMO_SPAWN_WORK": "0.1",
    "PROCDEMO_PRODCONS_WORK": "0.05",
    "PROCDEMO_SUPERVISE_WORK": "0.05",
    "PROCDEMO_SUPERVISE_KILL": "none",
    "PROCDEMO_RACE_PAUSE": "0",
    "PROCDEMO_CRAWL_CALLBACK_LATENCY": "0",
    "PROCDEMO_CRAWL_CALLBACK_MAX_PAGES": "1000",
}
"""By default a demo takes some seconds, so that one can follow it; in the tests it does not."""
USUAL = dict.fromkeys(QUICK, "")
"""As without `QUICK`: an empty variable counts as none."""
_STRANGERS = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "CI", "TERM", "COLORTERM", "LC_ALL", "TMPDIR"}


class Traces:
    """The marks of the processes of one command: a variable in the environment, a temporary directory.

    Its descendants inherit both, whatever group or session they move to.
    """

    def __init__(self) -> None:
        self._mark = uuid.uuid4().hex
        self._temporary = tempfile.mkdtemp(prefix="pd-", dir="/tmp")  # short: socket names have 107 bytes
        self._shared_memory = SharedMemory(self.survivors)
        self._command = 0
        self._seen: set[int] = set()

    def began(self, command: int) -> None:
        """Note the PID of the command, which is the leader of a session."""
        self._command = command

    def environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Return ours with the mark and `changes`, without variables that change what the command does."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_OURS) and name not in _STRANGERS
        }
        strict = "error::DeprecationWarning,error::ResourceWarning"
        own = {"PYTHONWARNINGS": strict, "TMPDIR": self._temporary}
        return {**kept, **QUICK, **own, **changes, _MARK: self._mark}

    def survivors(self) -> dict[int, Process]:
        """Return live processes with the mark, or of ours without memory: one that ends frees it first."""
        mark = f"{_MARK}={self._mark}".encode()
        found = {}
        for process in tree(os.getpid()).values():
            environment = b""  # ProcessLookupError: its memory is freed already, its files perhaps not
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                environment = Path(f"/proc/{process.pid}/environ").read_bytes()
            ours = mark in environment or (not environment and self._is_known(process))
            if process.alive and ours and not gone(process.pid):
                found[process.pid] = process
        self._seen |= found.keys()
        return found

    def _is_known(self, process: Process) -> bool:
        return process.pid in self._seen or process.session == self._command

    def reap(self) -> bool:
        """Reap orphans of this command that are our children and have ended; return whether all have."""
        below = tree(os.getpid()).values()  # a PID may be that of a stranger by now
        orphans = [each for each in below if self._is_known(each) and each.pid != self._command]
        for orphan in orphans:
            if orphan.parent == os.getpid() and not orphan.alive:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan.pid, os.WNOHANG)
        return not orphans

    def temporary(self) -> list[str]:
        """Return what is in the temporary directory."""
        return [str(path) for path in Path(self._temporary).rglob("*")]

    def look(self) -> None:
        """Find out what the processes have in /dev/shm; costs next to nothing if there is nothing new."""
        self._shared_memory.look()

    def shared_memory(self) -> frozenset[str]:
        """Return what they made in /dev/shm, and will stay."""
        return frozenset(self._shared_memory.left())

    def erase(self) -> None:
        """Remove the temporary directory."""
        shutil.rmtree(self._temporary)
