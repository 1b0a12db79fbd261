"""What a watched program writes, taken by pipes, so that it can be shown above something that moves.

Only with ``--live``: otherwise the program has the streams of the command, and writes to them itself. A
process that still runs when the command ends must not notice that: a write to a pipe that nothing reads would
kill it by SIGPIPE (pipe(7)). So a small process goes on reading until the last writer has ended.
"""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import suppress

_PIECE = 65536


class OutputRelay:
    """A pipe for each stream of a program that would go to the terminal."""

    def __init__(self) -> None:
        """Make the pipes."""
        self._streams: dict[int, int] = {}
        self._writing: dict[int, int] = {}
        for stream in filter(os.isatty, (1, 2)):
            read, write = os.pipe()
            os.set_blocking(read, False)
            self._streams[read] = stream
            self._writing[stream] = write

    def has(self, stream: int) -> bool:
        """Return whether there is a pipe for stdout (1) or stderr (2)."""
        return stream in self._writing

    def use(self) -> None:
        """In the program's process: write to the pipes."""
        for stream, fd in self._writing.items():
            os.dup2(fd, stream)

    def close_writing_ends(self) -> None:
        """In the command, when the program has been started: keep the reading ends only."""
        for fd in self._writing.values():
            os.close(fd)

    def filenos(self) -> list[int]:
        """Return the descriptors to wait for."""
        return list(self._streams)

    def read(self) -> Iterator[tuple[int, bytes]]:
        """Yield what has been written since the last call: 1 for stdout or 2 for stderr, and the bytes."""
        for fd, stream in list(self._streams.items()):
            with suppress(BlockingIOError):
                while piece := os.read(fd, _PIECE):
                    yield stream, piece
                os.close(fd)
                del self._streams[fd]

    def hand_over(self) -> None:
        """Leave the reading to another process, at the end of the command, if there is still a writer."""
        if not self._streams or os.fork():
            return
        try:
            signal.set_wakeup_fd(-1)
            for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTERM, signal.SIGHUP):
                signal.signal(signum, signal.SIG_DFL)
            poll = select.poll()
            for fd in self._streams:
                poll.register(fd, select.POLLIN)
            while self._streams:
                for fd, _ in poll.poll():
                    if fd not in self._streams:
                        poll.unregister(fd)
                for stream, piece in self.read():
                    rest = piece
                    while rest:
                        rest = rest[os.write(stream, rest) :]
        finally:
            os._exit(0)
