"""A program of the user, started as it would run without us: it is our child, and nothing else is different.

It is in our process group, as a command in a script is: so the terminal gives it Ctrl-C, Ctrl-Z and input
as it gives them to us, and the shell moves both between foreground and background. It has our standard
streams, and all other descriptors that we were started with. Signals, umask and environment are those that we
were started with (`procdemo.process.inherited`). We close our own copies of its descriptors, because
otherwise the reader of a pipe would never see its end. So `strace`, `env` and ``timeout --foreground`` do it.
"""

import errno
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, NoReturn

from procdemo.demo.settings import CannotRunError
from procdemo.process import inherited, procfs, subreaper
from procdemo.process.mp_helpers import is_tracker
from procdemo.runtime.output_relay import OutputRelay

CANNOT_EXECUTE, NOT_FOUND = 126, 127
"""Exit statuses of a shell for a file that is no program, and for a program that is not there."""

_NUMBER = 4  # bytes of an error's number
_SHELL = "/bin/sh"
_PAUSE_S = 0.01


class WatchOptions(NamedTuple):
    """What was asked for."""

    still_s: float = 5.0
    """Seconds without a turn on a CPU after which threads that wait for each other hang."""
    timeout_s: float = 0.0
    """Seconds after which a picture is made in any case; 0 for never."""
    kill: bool = False
    """Whether the program is ended when it hangs, and at the time limit."""


class WatchedProgram:
    """The program, from its start to its end."""

    def __init__(self, command: Sequence[str], output: OutputRelay | None = None) -> None:
        """Start it.

        Args:
            command: its path, or its name if it is to be looked for on the PATH; and its arguments.
            output: where it writes; otherwise to our own stdout and stderr.

        Raises:
            CannotRunError: there is no such program (exit status 127), or it cannot be executed (126).
        """
        inherits = _inherited_descriptors()
        self.names_before: list[str] = []
        """What was in /dev/shm before it was started."""
        with suppress(OSError):
            self.names_before = os.listdir("/dev/shm")
        own_children = set(procfs.children(os.getpid()))
        read, write = os.pipe()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _become(command, write, output)
            self.started_ns = time.monotonic_ns()
            if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:  # exit statuses would be lost
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(write)
        if output:
            output.close_writing_ends()
        with os.fdopen(read, "rb") as errors:
            problem = errors.read(_NUMBER)
        if problem:
            os.waitpid(self.pid, 0)
            raise _cannot_run(command[0], int.from_bytes(problem, "little"))
        self.status: int | None = None
        """Its exit status; -N if signal N killed it; None if it has not ended."""
        self.stopped_by = 0
        """The signal that has stopped it; 0 if it is not stopped."""
        self._inherited_children = own_children
        _let_go(inherits, (0,) if output and output.has(1) else (0, 1))
        subreaper.adopt_orphans()

    def note_changes(self) -> None:
        """Take its exit status if it has ended, note whether it is stopped; take those of orphans, too.

        The orphans of its tree have become our children, and they would stay zombies.
        """
        if self.status is None:
            with suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
                if pid and os.WIFSTOPPED(status):
                    self.stopped_by = os.WSTOPSIG(status)
                elif pid and os.WIFCONTINUED(status):
                    self.stopped_by = 0
                elif pid:
                    self.status = os.waitstatus_to_exitcode(status)
        if self.status is None:  # afterwards it is of interest which of them are zombies
            self._reap_orphans()

    def _reap_orphans(self) -> None:
        for pid in self.adopted():
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def adopted(self) -> list[int]:
        """Return the orphans of its tree that have become our children, zombies too."""
        own = os.getpid()
        # Only our main thread adopts; the children of other threads are helpers of our own.
        text = procfs.read(f"/proc/{own}/task/{own}/children")
        return [
            pid for pid in map(int, text.split()) if pid != self.pid and pid not in self._inherited_children
        ]

    def family(self) -> dict[int, str]:
        """Return PID -> state of all its processes that live, or are zombies: the tree and its orphans."""
        found: dict[int, str] = {}
        for root in [self.pid, *self.adopted()]:
            if stat := procfs.stat(root):
                found[root] = stat.state
                found |= procfs.descendants(root)
        return found

    def send(self, signum: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.status is None:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signum)

    def kill_family(self, grace_s: float) -> None:
        """End all its processes: SIGTERM, and SIGKILL for those that are left after some seconds.

        Resource trackers of multiprocessing end by themselves when the others have ended, and remove what
        these have left in /dev/shm. So they get SIGKILL last.
        """
        trackers = {pid for pid in self.family() if is_tracker(pid)}
        for signum in (signal.SIGTERM, signal.SIGKILL):
            if self._send_until_gone(signum, trackers, grace_s):
                break
        if not self._send_until_gone(0, set(), grace_s):
            self._send_until_gone(signal.SIGKILL, set(), grace_s)

    def _send_until_gone(self, signum: int, spared: set[int], seconds: float) -> bool:
        """Send a signal once to each process, also to new ones; return whether they have ended in time."""
        told: set[int] = set()
        deadline = time.monotonic() + seconds
        while True:
            self.note_changes()
            alive = {pid for pid, state in self.family().items() if state not in "ZX"} - spared
            if not alive:
                self._reap_orphans()
                return True
            if time.monotonic() > deadline:
                return False
            for pid in alive - told if signum else ():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signum)
                    os.kill(pid, signal.SIGCONT)  # one that is stopped would not hear it
            told |= alive
            time.sleep(_PAUSE_S)  # noqa: TID251 - no event tells of the end of processes of others


def exit_status(status: int | None) -> int:
    """Return the exit status for a program that ended so: 128+N if signal N has killed it."""
    if status is None:
        return 0
    return 128 - status if status < 0 else status


def _become(command: Sequence[str], errors: int, output: OutputRelay | None) -> NoReturn:
    """In the child: become the program, or write the number of the error."""
    problem = errno.EIO
    try:
        env = inherited.environment()
        if output:
            output.use()
        inherited.give_back()
        try:
            os.execvpe(command[0], list(command), env)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            os.execve(_SHELL, [_SHELL, *command], env)  # a script without a first line that says what runs it
    except OSError as error:
        problem = error.errno or problem
    finally:
        os.write(errors, problem.to_bytes(_NUMBER, "little"))
        os._exit(NOT_FOUND)


def _inherited_descriptors() -> list[int]:
    """Return the descriptors, besides the standard streams, that the program will have, too."""
    found = []
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                if int(name) > 2 and os.get_inheritable(int(name)):  # noqa: PLR2004
                    found.append(int(name))
    return found


def _let_go(descriptors: Sequence[int], streams: Sequence[int]) -> None:
    """Close what only the program is to have: what it inherits, and these of the standard streams."""
    for fd in descriptors:
        with suppress(OSError):
            os.close(fd)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in streams:
        os.dup2(null, fd)
    os.close(null)


def _cannot_run(name: str, number: int) -> CannotRunError:
    if number in {errno.ENOENT, errno.ENOTDIR}:
        return CannotRunError(f"there is no program {name}", "procdemo watch --help", NOT_FOUND)
    return CannotRunError(f"{name} cannot be run: {os.strerror(number)}", f"ls -l {name}", CANNOT_EXECUTE)
