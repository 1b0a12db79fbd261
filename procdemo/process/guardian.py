"""The guardian: one process that ends a demo, however the command dies.

    command ---- forks ----> guardian       in a group of its own; waits for the end of the command
       `-------- forks ----> main process   leads the demo's group; forks or spawns all others

The command holds the only writing end of a pipe. If the command dies, the kernel closes that end. Then the
guardian reads the end of the pipe, kills every process of the demo, and removes what they leave: names in
/dev/shm, and their temporary directory. If the command ends by itself, it asks the guardian to do the same
(`Guardian.end_demo`). `procdemo.process.marked_processes` says how the guardian finds the processes.
"""

import os
import select
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from procdemo.process import procfs
from procdemo.process.readiness import wait_ready

_NAME = b"demo-guardian"  # at most 15 bytes are shown (proc(5), comm)
_END_DEMO, _ALONE = b"end\n", b"alone\n"  # what the command tells it: end the demo; all has ended
_COMMAND_S = 1.0  # for the command to be gone, after it has closed its pipe


class Guardian:
    """The guardian, as the command and the demo's main process see it."""

    def __init__(self) -> None:
        """Fork the guardian; the demo's main process has to be forked after it."""
        # Short, because the path of a socket below it must not have more than 107 bytes (unix(7)).
        self._directory = f"{_temporary()}/pd-{os.urandom(4).hex()}"
        self.end_requested = False
        read, self._write = os.pipe()
        self._both_died, self._either_lives = os.pipe()  # hangs up when the command and the guardian are gone
        self.pid = os.fork()
        if self.pid == 0:
            _guard(self._directory, read, self._either_lives)
        with suppress(OSError):  # it has done so itself, or is gone
            os.setpgid(self.pid, self.pid)
        os.close(read)

    def fileno(self) -> int:
        """Return a descriptor that `select.poll` reports (POLLERR) when the guardian is gone."""
        return self._write

    def enter(self) -> None:
        """In the demo's main process, which leads a group: be guarded, and make the temporary directory.

        Raises:
            OSError: the directory cannot be made.
        """
        with suppress(BrokenPipeError):  # the guardian is gone; the command notices
            os.write(self._write, b"%d\n" % os.getpid())
        os.close(self._write)
        os.close(self._either_lives)
        os.mkdir(self._directory, mode=0o700)
        if sys.platform == "linux":
            self._die_if_both_die()
            self._mark()
        os.environ["TMPDIR"] = self._directory
        if tempfile := sys.modules.get("tempfile"):  # too slow to import only for this
            tempfile.tempdir = self._directory  # type: ignore[attr-defined]

    def _die_if_both_die(self) -> None:
        """Have the kernel kill this process group if the command and the guardian are killed together.

        It sends SIGKILL to the group when the pipe hangs up (``F_SETSIG``, ``O_ASYNC``; fcntl(2)).
        """
        import fcntl  # noqa: PLC0415 - absent on Windows

        fcntl.fcntl(self._both_died, fcntl.F_SETOWN, -os.getpid())
        fcntl.fcntl(self._both_died, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(self._both_died, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
        poll = select.poll()
        poll.register(self._both_died, 0)  # a hang-up is always reported
        if poll.poll(0):  # it came before we asked for the signal
            os._exit(1)

    def _mark(self) -> None:
        import mmap  # noqa: PLC0415 - every process that is started anew imports this module

        path = f"{self._directory}/mark"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.ftruncate(fd, mmap.PAGESIZE)
        self._page = mmap.mmap(fd, mmap.PAGESIZE)  # shared, so that each forked process has it, too
        os.close(fd)
        os.unlink(path)

    def guards(self, pid: int) -> bool:
        """Return whether a process bears the mark of the demo, or is the guardian (Linux)."""
        from procdemo.process.marked_processes import MarkedProcesses  # noqa: PLC0415 - rarely needed

        return pid == self.pid or MarkedProcesses(os.path.basename(self._directory).encode()).is_marked(pid)

    def close_main_ends(self) -> None:
        """In the command, once the main process is forked: close what only that needs."""
        os.close(self._both_died)

    def end_demo(self) -> bool:
        """In the command: have the guardian end the demo; return False if it is gone, or was asked before."""
        if self.end_requested:
            return False
        self.end_requested = True
        # If all other children of the command have ended, adopted ones too, there is nothing to look for.
        message = _ALONE if procfs.children(os.getpid()) == [self.pid] else _END_DEMO
        try:
            os.write(self._write, message)
        except BrokenPipeError:
            return False
        return True

    def close(self) -> None:
        """In the command, at the end: remove the directory if the guardian was killed before it could."""
        os.close(self._write)
        os.close(self._either_lives)
        _remove(self._directory)


def _temporary() -> str:
    """Return the folder for temporary files: that of TMPDIR if there is one, as an absolute path."""
    parent = os.environ.get("TMPDIR")
    if not (parent and os.path.isdir(parent)):
        return "/tmp"  # noqa: S108 - the folder below it is ours
    return parent if parent.startswith("/") else os.path.abspath(parent)


def _guard(directory: str, read: int, either_lives: int) -> NoReturn:
    """Be the guardian; `read` is the end of the pipe, `either_lives` is only kept open."""
    try:
        os.setpgid(0, 0)  # so that a kill of the command's group spares us
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        command = -1
        if hasattr(os, "pidfd_open"):
            with suppress(OSError):  # an old kernel
                command = os.pidfd_open(os.getppid())
        _close_all_but({read, either_lives, command})
        _rename()
        from procdemo.process.marked_processes import MarkedProcesses  # noqa: PLC0415 - only we need it

        demo = MarkedProcesses(os.path.basename(directory).encode())
        told = b""
        while not told.endswith((_END_DEMO, _ALONE)) and (piece := os.read(read, 64)):
            told += piece
            for word in piece.split():
                if word.isdigit():
                    demo.set_leader(int(word))
        if not told.endswith((_END_DEMO, _ALONE)) and command >= 0:
            # The kernel closes the pipe of a dying process before it sends SIGCONT to the stopped group that
            # this death orphans (exit_notify() in kernel/exit.c): what we had stopped would run again.
            wait_ready([command], _COMMAND_S)
        if not told.endswith(_ALONE):
            demo.end()
        _remove(directory)
    finally:
        os._exit(0)


def _close_all_but(kept: set[int]) -> None:
    first = 0
    for fd in sorted(kept - {-1}):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def _rename() -> None:
    """Take a name and a command line of our own, so that ``pkill -f procdemo`` spares us (Linux)."""
    with suppress(OSError, ValueError, IndexError):
        with open("/proc/self/comm", "wb", buffering=0) as file:
            file.write(_NAME)
        fields = procfs.read("/proc/self/stat").rpartition(b")")[2].split()
        begin, end = int(fields[45]), int(fields[46])  # arg_start, arg_end
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(begin)
            memory.write(_NAME[: end - begin - 1].ljust(end - begin, b"\0"))


def _remove(directory: str) -> None:
    """Remove a directory, and what is in it."""
    try:
        os.rmdir(directory)  # most demos leave it empty
    except FileNotFoundError:
        pass
    except OSError:
        import shutil  # noqa: PLC0415 - slow

        shutil.rmtree(directory, ignore_errors=True)
