"""The event pipe: many writers, one reader, no lock.

If a process that holds a shared lock is killed, the lock is never released, and every other process
waits for ever (`multiprocessing.Queue` and `SimpleQueue` take a lock for each item). A write of at most
``PIPE_BUF`` bytes to a pipe needs no lock, because POSIX keeps it whole: each record is one such write, its
length first. If a writer is killed, only what it had not yet written is lost.

A record that is too large for one write is made to fit: its longest texts lose their middle.
"""

import contextlib
import marshal
import os
import select
import sys
from collections.abc import Callable, Iterator
from multiprocessing import reduction
from typing import Any

_HEADER = 2  # bytes of length in front of a record; PIPE_BUF fits into two
LARGEST = getattr(select, "PIPE_BUF", 512) - _HEADER
"""Bytes that one encoded record may have."""

_FORMAT = 2  # of marshal: the last without references, which cost more to read than they save here
_CAPACITY = 1 << 20  # bytes; the default of 64 KiB makes writers wait for a reader that draws
_SHORT = 40  # bytes; texts that are not longer are not cut
_ELLIPSIS = "…".encode()


class RecordTooLargeError(ValueError):
    """A record is too large for one atomic write, and has no long texts; the message says which it is."""


class Writer:
    """The writing end: call it with a record (a tuple of built-in types).

    It can be passed to a child process under every start method, while that child is started.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __call__(self, record: tuple[Any, ...]) -> None:
        """Write `record` in one piece, its longest texts (str, bytes) cut if need be.

        It waits only while the pipe is full.

        Raises:
            RecordTooLargeError: it has more than `LARGEST` bytes when encoded, also with its texts cut.
            ValueError: it holds an object that marshal cannot write.
        """
        body = marshal.dumps(record, _FORMAT)
        if len(body) > LARGEST:
            body = marshal.dumps(_cut(record, len(body) - LARGEST), _FORMAT)
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


def _cut(record: Any, excess: int) -> Any:
    """Return `record` with its longest texts cut to one length, so that it loses `excess` bytes if it can."""
    import bisect  # noqa: PLC0415 - rarely needed

    sizes = list(_sizes(record))

    def loses_too_little(longest: int) -> bool:
        return sum(size - longest for size in sizes if size > longest) < excess

    lengths = range(_SHORT, LARGEST)
    found = bisect.bisect_left(lengths, True, key=loses_too_little)
    return _with_texts_cut(record, lengths[max(found - 1, 0)])


def _sizes(value: Any) -> Iterator[int]:
    """Yield the size of each text in a record, in bytes."""
    if isinstance(value, str):
        yield len(value.encode("utf-8", "surrogatepass"))
    elif isinstance(value, bytes):
        yield len(value)
    elif isinstance(value, dict):
        yield from _sizes(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _sizes(each)


def _with_texts_cut(value: Any, longest: int) -> Any:
    """Return `value` with an ellipsis in the middle of each text of more than `longest` bytes."""
    if isinstance(value, dict):
        return {key: _with_texts_cut(each, longest) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_with_texts_cut(each, longest) for each in value)
    if isinstance(value, bytes) and len(value) > longest:
        half = (longest - len(_ELLIPSIS)) // 2
        return value[:half] + _ELLIPSIS + value[-half:]
    if isinstance(value, str) and len(encoded := value.encode("utf-8", "surrogatepass")) > longest:
        return _with_texts_cut(encoded, longest).decode(
            "utf-8", "ignore"
        )  # a letter may have been cut in half
    return value


def channel() -> tuple[Reader, Writer]:
    """Return the two ends of a new event pipe."""
    read, write = os.pipe()
    enlarge(write)
    return Reader(read), Writer(write)


def enlarge(pipe: int) -> None:
    """Give a pipe room for 1 MiB instead of 64 KiB, so that a writer seldom waits for a reader (pipe(7))."""
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 - absent on Windows

        with contextlib.suppress(OSError):  # the user's pipe quota may be used up; the default works as well
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _CAPACITY)
