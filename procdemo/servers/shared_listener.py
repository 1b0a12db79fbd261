"""A door that the workers open: main binds the listener, lends it to them, and never accepts."""

import contextlib
import socket
import struct
import sys
from collections.abc import Iterator

from procdemo.servers.listener import Listener

_UNACKED = 24  # where tcp_info has it, after eight bytes and four numbers (linux/tcp.h)


class SharedListener(Listener):
    """A listener for several processes; main waits for everything but clients."""

    _lent = False

    def _open(self) -> None:
        """Let nobody in: the workers will, and then main says so with `announce`."""

    def announce(self) -> None:
        """Report `listening`: somebody accepts."""
        self._announce()

    @property
    def stopping(self) -> bool:
        """Whether main was asked to stop."""
        return self._stopping

    @property
    def listener(self) -> socket.socket:
        """The socket to accept from; non-blocking."""
        return self._listener

    @contextlib.contextmanager
    def lend(self) -> Iterator[socket.socket]:
        """Let the children that are started within have the listener; all others close it."""
        self._lent = True
        try:
            yield self._listener
        finally:
            self._lent = False

    def _disown(self) -> None:
        if not self._lent:
            super()._disown()

    def backlog(self) -> int:
        """Return how many clients wait: connected by the kernel, accepted by nobody yet. 0 if unknown."""
        if sys.platform != "linux":
            return 0
        # Of a listening socket it is the length of the queue: tcp_diag_get_info, net/ipv4/tcp_diag.c.
        info = self._listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _UNACKED + 4)
        waiting: int = struct.unpack_from("=I", info, _UNACKED)[0]
        return waiting

    def shut(self) -> None:
        """Refuse new clients from now on, though workers have the listener: on Linux it is one and the same.

        Elsewhere the port is closed when the last of them has ended.
        """
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
