"""The open connections of a server that serves each client in a thread."""

import contextlib
import socket
from collections.abc import Callable
from functools import partial

from procdemo.process.selector_loop import SelectorLoop
from procdemo.process.thread_calls import ThreadCalls

_LAST_S = 5.0  # for a thread to notice that its connection was shut down


class OpenConnections:
    """The connections that threads serve.

    Call all methods in the main thread. Only what `add` returns may be called in any thread.
    """

    def __init__(self, loop: SelectorLoop) -> None:
        """Notice while `loop` runs that a thread is done with its connection."""
        self._loop = loop
        self._last = 0  # number of the connection that was added last
        self._open: dict[int, socket.socket] = {}
        self._calls = ThreadCalls(loop)
        self.cut = False
        """Whether those that were still open at the end have been shut down."""

    def __len__(self) -> int:
        return len(self._open)

    def add(self, conn: socket.socket) -> Callable[[], None]:
        """Note that a thread serves `conn`; return what it shall call, from any thread, when it is done."""
        self._last += 1
        self._open[self._last] = conn
        # It may be called twice (ThreadPoolExecutor can queue a task although submit() raised); the second
        # call must do nothing.
        return partial(self._calls.call_soon, self._open.pop, self._last, None)

    def drain(self, grace: float) -> int:
        """Give the threads `grace` seconds to finish, then shut their connections down; return how many.

        A thread cannot be killed: one that does not notice is left to the end of the process.
        """
        cut_off = 0
        if not self._loop.wait_until(lambda: not self._open, grace):
            cut_off, self.cut = len(self._open), True
            for conn in self._open.values():
                with contextlib.suppress(OSError):  # it has been closed just now
                    conn.shutdown(socket.SHUT_RDWR)
            self._loop.wait_until(lambda: not self._open, _LAST_S)
        self._calls.close()
        return cut_off
