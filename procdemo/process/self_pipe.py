"""End the wait of a selector loop from a signal handler, or from another thread."""

import contextlib
import socket
from collections.abc import Callable

from procdemo.process.selector_loop import SelectorLoop


class SelfPipe:
    """A pair of connected sockets; a byte in it makes a `SelectorLoop` return from its wait.

    This is D. J. Bernstein's self-pipe trick. asyncio has the same pair (`_make_self_pipe` in
    asyncio/selector_events.py).
    """

    def __init__(self, loop: SelectorLoop, on_wake: Callable[[], object] = lambda: None) -> None:
        """Have `loop` call `on_wake()` after `wake`; once, if `wake` was called several times meanwhile."""
        self._loop = loop
        self._on_wake = on_wake
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        loop.add_reader(self._reader, self._read)

    def wake(self) -> None:
        """Make `loop` call `on_wake`: from any thread or signal handler, at any time."""
        with contextlib.suppress(OSError):  # full, so the loop will wake up anyway; or closed
            self._writer.send(b"!")

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(65_536)
        self._on_wake()

    def close(self) -> None:
        """Close both sockets; `wake` does nothing any more."""
        self._loop.remove_reader(self._reader)
        self._reader.close()
        self._writer.close()
