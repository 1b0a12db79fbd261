"""A non-blocking connection in an event loop that serves thousands of clients.

Nothing here waits. What the client does not take now is kept, and nothing more is read from it
until it has taken that: so a client that never reads costs one piece of memory, not all.
"""

import socket
from collections.abc import Callable, Collection, Iterator
from functools import partial

from procdemo.demo.events import Emitter
from procdemo.process.throttle import Throttle
from procdemo.servers.handler import REPORTED_BYTES
from procdemo.servers.limits import ClientLimits
from procdemo.servers.settings import ServerSettings

IN, OUT = 1, 4
"""Something can be read, or written: POLLIN and EPOLLIN, POLLOUT and EPOLLOUT."""

_CHUNK = 16_384  # bytes asked of one recv(), and the most that is kept for a client


class Connection:
    """A connection with one client, its unsent answer, and its limits."""

    __slots__ = ("_answered", "_recv", "_send", "_unsent", "_want", "client", "conn", "limits")

    def __init__(
        self,
        conn: socket.socket,
        client: str,
        since: float,
        settings: ServerSettings,
        *,
        want: Callable[[int, int], object],
        emit: Emitter,
    ) -> None:
        """Begin.

        Args:
            conn: the connection; from now on non-blocking.
            client: its name.
            since: when it was accepted, by `time.monotonic`.
            settings: the limits; with ``verbose`` each piece is reported.
            want: ``want(fd, IN)`` or ``want(fd, OUT)`` says what to wait for, as `select.epoll.modify`.
            emit: where to report.
        """
        conn.setblocking(False)
        self.conn = conn
        self.client = client
        self.limits = ClientLimits(settings, since)
        self._want = want
        self._recv = partial(_receive_and_report, conn, client, emit) if settings.verbose else conn.recv
        self._send = conn.send
        self._unsent: memoryview | None = None
        self._answered = 0  # bytes, when `check_progress` was called last

    def on_ready(self) -> str:
        """Do what can be done now; return why the connection is to be closed, nothing if it is not."""
        try:
            if self._unsent:
                return self._send_rest(self._unsent)
            data = self._recv(_CHUNK)
            if not data:
                return "client left"
            size = len(data)
            if not self.limits.accept_bytes(size):
                return self.limits.say_too_many_bytes(self.conn)
            answer = data.upper()
            try:
                sent = self._send(answer)
            except BlockingIOError:
                sent = 0
            if sent < size:
                self._unsent = memoryview(answer)[sent:]
                self._want(self.conn.fileno(), OUT)
        except BlockingIOError:
            pass
        except OSError as error:  # reset, broken pipe: caused by the client, no fault of the server
            return error.strerror or str(error)
        return ""

    def _send_rest(self, unsent: memoryview) -> str:
        unsent = unsent[self._send(unsent) :]
        self._unsent = unsent
        if not unsent:
            self._unsent = None
            self._want(self.conn.fileno(), IN)
        return ""

    def check_progress(self, now: float) -> str:
        """Return which limit of time is reached, nothing if none; to be called now and then.

        If more bytes were answered than at the call before, that is noted as progress at `now`.
        """
        answered = self.limits.received - len(self._unsent or b"")
        if answered != self._answered:
            self._answered, self.limits.progress_at = answered, now
        return self.limits.over_time(now)


def _receive_and_report(conn: socket.socket, client: str, emit: Emitter, size: int) -> bytes:
    """As `conn.recv`, and report it."""
    if data := conn.recv(size):
        emit.mark("heard", client=client, data=data[:REPORTED_BYTES])
    return data


class TimeoutSweep:
    """Looks at all connections now and then, to find those that have reached a limit of time.

    To look at one costs a tenth of a microsecond; a timer for each would cost a hundred times as much.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._throttle = Throttle(settings.sweep)

    def overdue(self, connections: Collection[Connection], now: float) -> Iterator[tuple[Connection, str]]:
        """Yield each that has reached a limit, and which limit, if it is time to look."""
        if self._throttle.take_turn(now):
            for connection in list(connections):
                if reason := connection.check_progress(now):
                    yield connection, reason
