"""The kernel's queue of connected clients (listen(2)): take them out one by one; pause if there is no room.

Each event loop waits for a listening socket in its own way; what is the same for all is here.
"""

import errno
import math
import socket
import time
from collections.abc import Callable

from procdemo.servers.client_register import ClientRegister

_FAMILY = {False: int(socket.AF_INET), True: int(socket.AF_INET6)}
_STREAM = int(socket.SOCK_STREAM)  # numbers: an enumeration takes a microsecond to be understood
_FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE_S = 0.1  # because no event tells that a descriptor is free again

Arrival = tuple[socket.socket, str]
"""A client, as its connection and its name, e.g. ``client-2 (port 52462)``."""


class AcceptQueue:
    """Accepts clients from a listening socket that an event loop watches.

    If the process is out of descriptors, the loop does not watch the socket for a moment: the clients that
    are connected stay, the others wait in the kernel. Otherwise the loop would spin. `asyncio.start_server`
    would plan a hundred new tries, and each of these would plan a hundred more (`_accept_connection` in
    asyncio/selector_events.py).
    """

    def __init__(
        self,
        listener: socket.socket,
        watch: Callable[[], object],
        unwatch: Callable[[], object],
        clients: ClientRegister | None = None,
    ) -> None:
        """Begin to watch.

        Args:
            listener: non-blocking, or its accept(2) ends now and then by itself; perhaps other processes
                accept from it, too.
            watch: makes the event loop wait for `listener`.
            unwatch: makes it cease to wait.
            clients: the names of scripted clients, if there are any.
        """
        # As socket.accept does, which asks the listener four things that are known and takes twice as long.
        self._accept = listener._accept  # type: ignore[attr-defined]  # noqa: SLF001
        self._watch, self._unwatch = watch, unwatch
        self._name = (clients or ClientRegister()).name
        self._pause_ends = 0.0  # by time.monotonic; 0: no pause
        watch()

    def accept(self) -> Arrival | None:
        """Return the next client; None if there is none for this process now.

        Where several processes accept from one listener, another may have been faster: that is normal.
        """
        try:
            fd, (host, port, *_) = self._accept()
        except OSError as error:
            if error.errno in _FULL:
                self._pause()
            return None
        return socket.socket(_FAMILY[":" in host], _STREAM, 0, fd), self._name(host, port)

    def _pause(self) -> None:
        if not self._pause_ends:
            self._unwatch()
        self._pause_ends = time.monotonic() + _PAUSE_S

    @property
    def pauses(self) -> bool:
        """Whether there was no room for a client, and it is not to be tried again yet."""
        return self._pause_ends > 0

    def resume(self) -> float:
        """End the pause if it is over; return the seconds until its end, `math.inf` if there is none."""
        if not self._pause_ends:
            return math.inf
        left = self._pause_ends - time.monotonic()
        if left > 0:
            return left
        self._pause_ends = 0.0
        self._watch()
        return math.inf

    def rotate(self) -> None:
        """Let the other processes that wait for `listener` be the first to be woken by the next client."""
        if not self._pause_ends:
            self._unwatch()
            self._watch()

    def close(self) -> None:
        """Cease to watch, and to accept."""
        if not self._pause_ends:
            self._unwatch()
