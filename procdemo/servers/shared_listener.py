"""A listener for workers: the main process binds it, lends it to them, and never accepts."""

import contextlib
import socket
import struct
import sys
from collections.abc import Iterator

from procdemo.servers.listener import Listener

_UNACKED = 24  # where tcp_info has it, after eight bytes and four numbers (linux/tcp.h)


class SharedListener(Listener):
    """A listening socket for several processes."""

    @contextlib.contextmanager
    def lend(self) -> Iterator[socket.socket]:
        """Let the children that are started within the block keep the socket; all others close it."""
        self._close_on_fork.discard(self.socket)
        try:
            yield self.socket
        finally:
            self._close_on_fork.add(self.socket)

    def backlog(self) -> int:
        """Return how many clients are connected by the kernel, but not accepted yet. 0 if unknown."""
        if sys.platform != "linux":
            return 0
        # Of a listening socket it is the length of the queue: tcp_diag_get_info, net/ipv4/tcp_diag.c.
        info = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _UNACKED + 4)
        waiting: int = struct.unpack_from("=I", info, _UNACKED)[0]
        return waiting

    def shut(self) -> None:
        """Reset the clients in the backlog, and accept no new ones; the workers have the socket, too.

        On Linux their copies are shut as well. Elsewhere the port is closed when the last worker has ended.
        """
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
