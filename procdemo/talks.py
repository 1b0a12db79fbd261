"""The conversations of a server that holds them in threads; its door hears when one is over."""

import contextlib
import socket
from collections.abc import Callable

from procdemo.door import Door

_TICKET = 8  # bytes
_LAST_S = 5.0  # for a thread to notice that its connection is gone


class Talks:
    """Whom we talk to. All methods are for the thread that made it, but what `begin` returns."""

    def __init__(self, door: Door) -> None:
        """Hear of ends while `door` waits."""
        self._door = door
        self._tickets = 0
        self._open: dict[int, socket.socket] = {}
        self._bell, self._rope = socket.socketpair()
        door.watch(self._bell, self._note_end)

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, conn: socket.socket) -> Callable[[], None]:
        """Note that somebody talks over `conn`; return what to call, in any thread, when that is over."""
        self._tickets += 1
        ticket = self._tickets
        self._open[ticket] = conn

        def over() -> None:
            with contextlib.suppress(OSError):  # the server has given up waiting for us
                self._rope.sendall(ticket.to_bytes(_TICKET, "little"))

        return over

    def _note_end(self) -> None:
        ticket = int.from_bytes(self._bell.recv(_TICKET, socket.MSG_WAITALL), "little")
        self._open.pop(ticket, None)  # it may be over twice: once as refused, once as never begun

    def dismiss(self, grace: float) -> int:
        """Give them `grace` seconds to finish, then hang up; return how many were cut off.

        A thread cannot be killed: one that does not notice is left to the end of the process.
        """
        cut_off = 0
        if not self._door.attend(lambda: not self._open, grace):
            cut_off = len(self._open)
            for conn in self._open.values():
                with contextlib.suppress(OSError):  # it has been closed just now
                    conn.shutdown(socket.SHUT_RDWR)
            self._door.attend(lambda: not self._open, _LAST_S)
        self._door.unwatch(self._bell)
        self._bell.close()
        self._rope.close()
        return cut_off
