"""What a process is, as far as it can be seen from outside: its name, its helpers, its locks."""

import os
from contextlib import suppress
from typing import NamedTuple

from procdemo.probe import programs
from procdemo.process import memory_maps, procfs
from procdemo.process.mp_helpers import FORK_SERVER, helper_named

_SPAWNED = b"from multiprocessing.spawn import spawn_main"  # multiprocessing/spawn.py, get_command_line
GIL, SEMAPHORE, THREAD_LOCK = "GIL", "semaphore", "lock of a thread"


class Lock(NamedTuple):
    """What a thread waits for at a futex."""

    kind: str
    """`GIL`, `SEMAPHORE`, `THREAD_LOCK`, or empty if it is not known."""
    file: str
    """Of a semaphore: the same in all processes."""


OF_THREAD = Lock(THREAD_LOCK, "")


class Identity:
    """What a process is, until its next exec(2)."""

    def __init__(self, pid: int, parent: "Identity | None") -> None:
        """Look at the process.

        Args:
            pid: it.
            parent: its parent, if that is looked at, too.
        """
        self.pid = pid
        self.command = procfs.read(f"/proc/{pid}/cmdline")
        """Its command line: empty if it is about to end (proc(5)), or in the midst of exec(2)."""
        self.known_command = self.command
        """The same, or that of its parent if it is empty and the process seems to be forked."""
        if not self.command and parent and programs.comm(pid) == programs.comm(parent.pid):
            self.known_command = parent.known_command
        forked = parent is not None and parent.known_command == self.known_command
        self.helper = helper_named(self.command, parent.known_command if parent else b"")
        """The name of the helper of multiprocessing that it is; empty if it is none."""
        of_fork_server = parent is not None and parent.helper == FORK_SERVER
        self.new_interpreter = _SPAWNED in self.command or of_fork_server
        """Whether multiprocessing has started it anew (spawn, forkserver)."""
        is_child = forked or self.new_interpreter
        self.name = self.helper or (f"child {pid}" if is_child else _program(pid, self.command))
        """A role for it, as long as no event gives one."""
        self._locks: list[tuple[int, int, Lock]] | None = None
        self._has_read: dict[str, bool] = {}

    def lock_at(self, address: int, *, shared: bool) -> Lock:
        """Return which lock a futex is: the GIL, a semaphore of multiprocessing, a lock of a thread."""
        if self._locks is None:
            self._locks = list(_locks(self.pid))
        found = self._known_lock(address)
        if shared and found.kind != SEMAPHORE:  # it may be a new one
            self._locks = list(_locks(self.pid))
            found = self._known_lock(address)
        return found if found.kind or shared else OF_THREAD

    def _known_lock(self, address: int) -> Lock:
        return next((lock for begin, end, lock in self._locks or () if begin <= address < end), Lock("", ""))

    def has_open(self, pipe: str, fd: int) -> bool:
        """Return whether it has this end of a pipe open: perhaps as `fd`, perhaps under another number."""
        if pipe not in self._has_read:
            self._has_read[pipe] = pipe_at(self.pid, fd) == pipe or any(
                descriptor.target == pipe and descriptor.reads
                for descriptor in procfs.descriptors(self.pid).values()
            )
        return self._has_read[pipe]


def pipe_at(pid: int, fd: int) -> str:
    """Return the pipe that a descriptor of a process is, e.g. ``pipe:[4711]``; empty if it is none."""
    with suppress(OSError):
        target = os.readlink(f"/proc/{pid}/fd/{fd}")
        return target if target.startswith("pipe:") else ""
    return ""


def _program(pid: int, command: bytes) -> str:
    """Return the name of a program: that of the script or module if it is an interpreter's."""
    words = command.decode("utf-8", "replace").split("\0")
    name = os.path.basename(words[0])
    if name.startswith("python") and (script := programs.script(words)) not in {"", "-", "-c"}:
        return script.removeprefix("-m ")
    return name or programs.comm(pid) or str(pid)


def _locks(pid: int) -> list[tuple[int, int, Lock]]:
    """Return where in its memory the GIL is, and multiprocessing's semaphores: begin, end, kind.

    The GIL is a part of ``_PyRuntime``, a variable of libpython, or of the executable: in its writable
    mapping, or in the anonymous one that follows (variables that are 0 at the start).
    """
    found = []
    end_of_python = -1
    executable = ""
    with suppress(OSError):
        executable = os.readlink(f"/proc/{pid}/exe")
    for each in memory_maps.parse(procfs.read(f"/proc/{pid}/maps")):
        if each.is_semaphore:
            found.append((each.begin, each.end, Lock(SEMAPHORE, each.file)))
        elif each.rights.startswith("rw") and (
            os.path.basename(each.path).startswith("libpython")
            or (each.path and each.path == executable)
            or (not each.path and each.begin == end_of_python)
        ):
            found.append((each.begin, each.end, Lock(GIL, "")))
            end_of_python = each.end
    return found
