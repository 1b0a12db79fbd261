"""The conversations of a server that holds them in threads; its main thread hears when one is over."""

import contextlib
import socket
from collections.abc import Callable
from functools import partial

from procdemo.process.thread_calls import ThreadCalls
from procdemo.servers.listener import Listener

_LAST_S = 5.0  # for a thread to notice that its connection is gone


class OpenConnections:
    """Whom we talk to. All methods are for the thread that made it, but what `begin` returns."""

    def __init__(self, door: Listener) -> None:
        """Hear of ends while `door` waits."""
        self._door = door
        self._tickets = 0
        self._open: dict[int, socket.socket] = {}
        self._errands = ThreadCalls(door.loop)

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, conn: socket.socket) -> Callable[[], None]:
        """Note that somebody talks over `conn`; return what to call, in any thread, when that is over."""
        self._tickets += 1
        self._open[self._tickets] = conn
        # It may be over twice: for a client that was refused, and that a thread of a pool finds later.
        return partial(self._errands.call_soon, self._open.pop, self._tickets, None)

    def dismiss(self, grace: float) -> int:
        """Give them `grace` seconds to finish, then hang up; return how many were cut off.

        A thread cannot be killed: one that does not notice is left to the end of the process.
        """
        cut_off = 0
        if not self._door.loop.wait_until(lambda: not self._open, grace):
            cut_off = len(self._open)
            for conn in self._open.values():
                with contextlib.suppress(OSError):  # it has been closed just now
                    conn.shutdown(socket.SHUT_RDWR)
            self._door.loop.wait_until(lambda: not self._open, _LAST_S)
        self._errands.close()
        return cut_off
