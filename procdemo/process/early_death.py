"""A process that is killed before it has read what it is to do.

Under spawn and forkserver `Process.start` writes the process's task into a pipe. If the new process has been
killed by then, this raises BrokenPipeError, and multiprocessing forgets a process that was there (under spawn
only where the parent has closed its own copy of the reading end before, as in 3.13.15, 3.14.10 and 3.15.2:
multiprocessing/popen_spawn_posix.py). For the parent this is a process that has ended like any other.

If the fork server was killed, another one starts the process.
"""

import errno
import functools
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

from procdemo.process import fork_server

Launch = Callable[[BaseProcess], Any]


def allow_early_death(process: BaseProcess) -> None:
    """Let ``process.start()`` succeed also if the process is killed at once: it can be joined."""
    kind = getattr(process, "_start_method", None)
    launch = {"spawn": _launch_spawned, "forkserver": _launch_forked_by_server}.get(str(kind))
    if launch:
        process._Popen = launch  # type: ignore[attr-defined] # noqa: SLF001 - instead of the method of the class


def _launch_spawned(process: BaseProcess) -> Any:
    return _spawned_class()(_unchanged(process))


def _launch_forked_by_server(process: BaseProcess) -> Any:
    return _forked_by_server_class()(_unchanged(process))


def _unchanged(process: BaseProcess) -> BaseProcess:
    """Return the process as it was made, because it is about to be pickled."""
    del process._Popen  # type: ignore[attr-defined] # noqa: SLF001
    return process


@functools.cache
def _spawned_class() -> Any:
    from multiprocessing import popen_spawn_posix  # noqa: PLC0415 - only where it is used

    class Popen(popen_spawn_posix.Popen):
        """Has its PID, its sentinel and its finalizer before it writes."""

        def _launch(self, process_obj: BaseProcess) -> None:
            try:
                super()._launch(process_obj)  # type: ignore[misc]
            except BrokenPipeError:
                if not hasattr(self, "sentinel"):
                    raise

    return Popen


@functools.cache
def _forked_by_server_class() -> Any:
    from multiprocessing import forkserver, popen_forkserver  # noqa: PLC0415 - likewise

    class Popen(popen_forkserver.Popen):
        """The fork server tells the PID in any case; if it was killed, the next one does."""

        def _launch(self, process_obj: BaseProcess) -> None:
            try:
                self._launch_once(process_obj)
            except fork_server.GONE as error:
                status = fork_server.exitcode()
                if status is None:
                    raise
                if status > 0:
                    raise BlockingIOError(errno.EAGAIN, fork_server.REFUSES) from error
                if self.finalizer:
                    self.finalizer()
                self._fds: list[int] = []
                self._launch_once(process_obj)

        def _launch_once(self, process_obj: BaseProcess) -> None:
            try:
                super()._launch(process_obj)  # type: ignore[misc]
            except BrokenPipeError:
                if not hasattr(self, "sentinel"):  # it is the fork server that is gone
                    raise
                self.pid = forkserver.read_signed(self.sentinel)

    return Popen
