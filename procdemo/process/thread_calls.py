"""What other threads leave for the main thread to do, which waits for many things."""

import contextlib
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from procdemo.process.selector_loop import SelectorLoop


class ThreadCalls:
    """Calls in the order in which they were left, made by the thread that waits.

    All that have been left meanwhile are made in one go: to wait again for each of ten thousand would be to
    ask ten thousand times for the GIL, while as many threads ask for it, too.
    """

    def __init__(self, loop: SelectorLoop) -> None:
        """Make the calls in the thread that runs `loop`."""
        self._loop = loop
        self._calls: deque[Callable[[], object]] = deque()
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        loop.add_reader(self._bell, self._run)

    def call_soon(self, act: Callable[..., object], *args: Any) -> None:
        """Have ``act(*args)`` called; from any thread, at any time; never, if this is closed."""
        self._calls.append(partial(act, *args))
        with contextlib.suppress(OSError):  # it rings already, or nobody listens any more
            self._rope.send(b"!")

    def _run(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(65_536)
        while self._calls:
            self._calls.popleft()()

    def close(self) -> None:
        """Make no more calls."""
        self._loop.remove_reader(self._bell)
        self._bell.close()
        self._rope.close()
