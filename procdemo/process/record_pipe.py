"""The event pipe: many writers, one reader, no lock.

A lock shared between processes is lost when its holder is killed, and every other process
then waits for ever (`multiprocessing.Queue` and `SimpleQueue` take one for each item). A
write of at most ``PIPE_BUF`` bytes to a pipe needs none: POSIX keeps it whole, so each record
is one such write, its length first. Killing a writer loses only what it had not yet written.
"""

import contextlib
import marshal
import os
import select
import sys
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any

_HEADER = 2  # bytes of length in front of a record; PIPE_BUF fits into two
LARGEST = getattr(select, "PIPE_BUF", 512) - _HEADER
"""Bytes that one encoded record may have."""

_FORMAT = 2  # of marshal: the last without references, which cost more to read than they save here
_CAPACITY = 1 << 20  # bytes; the default of 64 KiB makes writers wait for a reader that draws


class RecordTooLargeError(ValueError):
    """A record does not fit into one atomic write; the message says which and by how much."""


class Writer:
    """The writing end: call it with a record (a tuple of built-in types).

    It can be passed to a child process under every start method, while that child is started.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __call__(self, record: tuple[Any, ...]) -> None:
        """Write `record` in one piece; waits only while the pipe is full.

        Raises:
            RecordTooLargeError: it has more than `LARGEST` bytes when encoded.
            ValueError: it holds an object that marshal cannot write.
        """
        body = marshal.dumps(record, _FORMAT)
        if len(body) > LARGEST:
            raise RecordTooLargeError(f"{record[:2]} has {len(body)} bytes; one record holds {LARGEST}")
        os.write(self._fd, len(body).to_bytes(_HEADER, "little") + body)

    @property
    def full(self) -> bool:
        """Whether the next record has to wait for the reader."""
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        return not poll.poll(0)

    def __reduce__(self) -> tuple[Callable[..., "Writer"], tuple[Any, ...]]:
        return _arrive, (reduction.DupFd(self._fd),)

    def close(self) -> None:
        """Close this process's writing end; the reader ends when every process has."""
        os.close(self._fd)


def _arrive(fd: Any) -> Writer:
    return Writer(fd.detach())


class Reader:
    """The reading end: `read` in bulk, or iterate."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""

    def fileno(self) -> int:
        """Return the descriptor, for `select` and friends."""
        return self._fd

    def read(self) -> list[Any] | None:
        """Return the records that are there, waiting for at least a part of one; None at the end."""
        data = os.read(self._fd, _CAPACITY)
        if not data:
            return None
        if self._rest:
            data = self._rest + data
        records = []
        loads = marshal.loads
        start, size = 0, len(data)
        while size - start >= _HEADER:
            body = start + _HEADER
            stop = body + (data[start] | data[start + 1] << 8)
            if stop > size:
                break
            records.append(loads(data[body:stop]))
            start = stop
        self._rest = data[start:]
        return records

    def close(self) -> None:
        """Close the reading end; writers get BrokenPipeError from now on."""
        os.close(self._fd)


def channel() -> tuple[Reader, Writer]:
    """Return the two ends of a new event pipe."""
    read, write = os.pipe()
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - absent on Windows

        with contextlib.suppress(OSError):  # the user's pipe quota may be used up; the default works as well
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _CAPACITY)
    return Reader(read), Writer(write)
