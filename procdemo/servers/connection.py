"""One client among thousands in an event loop: what must be remembered of it, and when it is over.

Nothing here waits. What the client does not take now is kept, and nothing more is read from it
until it has taken that: so a client that never reads costs one piece of memory, not all.
"""

import socket
from collections.abc import Callable, Collection, Iterator
from functools import partial

from procdemo.demo.events import Emitter
from procdemo.servers.handler import say_no
from procdemo.servers.settings import ServerSettings

IN, OUT = 1, 4
"""Something can be read, or written: POLLIN and EPOLLIN, POLLOUT and EPOLLOUT."""

_CHUNK = 16_384  # bytes asked of one recv(), and the most that is kept for a client


class Connection:
    """A connection with one client, its unsent answer, and an account for its limits."""

    __slots__ = (
        "_allowed",
        "_answered",
        "_most",
        "_quiet_since",
        "_recv",
        "_send",
        "_unsent",
        "_want",
        "client",
        "conn",
        "since",
    )

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
            since: when that was, by `time.monotonic`.
            settings: the limits; with ``verbose`` each piece is reported.
            want: ``want(fd, IN)`` or ``want(fd, OUT)`` says what to wait for, as `select.epoll.modify`.
            emit: where to report.
        """
        conn.setblocking(False)
        self.conn = conn
        self.client = client
        self.since = since
        self._most = self._allowed = settings.max_bytes
        self._want = want
        self._recv = partial(_overheard, conn, client, emit) if settings.verbose else conn.recv
        self._send = conn.send
        self._unsent: memoryview | None = None
        self._quiet_since, self._answered = since, 0

    def go_on(self) -> str:
        """Do what can be done now; return why the dialogue is over, nothing if it is not."""
        try:
            if self._unsent:
                return self._send_rest(self._unsent)
            data = self._recv(_CHUNK)
            if not data:
                return "client left"
            size = len(data)
            self._allowed = allowed = self._allowed - size
            if allowed < 0:
                say_no(self.conn, f"more than {self._most} bytes (--max-bytes)")
                return "more than --max-bytes"
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
        except OSError as error:  # reset, broken pipe, unreachable: the client's affair, not ours
            return error.strerror or str(error)
        return ""

    @property
    def received(self) -> int:
        """How many bytes have come."""
        return self._most - self._allowed

    def _send_rest(self, unsent: memoryview) -> str:
        unsent = unsent[self._send(unsent) :]
        self._unsent = unsent
        if not unsent:
            self._unsent = None
            self._want(self.conn.fileno(), IN)
        return ""

    def limit_reached(self, now: float, idle: float, total: float) -> str:
        """Return which limit of time is over, nothing if none; to be asked now and then."""
        answered = self.received - len(self._unsent or b"")
        if answered != self._answered:
            self._answered, self._quiet_since = answered, now
        if now - self.since >= total:
            return "over --total-timeout"
        return "over --idle-timeout" if now - self._quiet_since >= idle else ""


def _overheard(conn: socket.socket, client: str, emit: Emitter, size: int) -> bytes:
    """As `conn.recv`, and report it."""
    if data := conn.recv(size):
        emit.mark("heard", client=client, data=data[:1000])
    return data


class TimeoutSweep:
    """Goes round now and then to find dialogues that are over their time.

    A look at each costs a tenth of a microsecond, a timer for each a hundred times as much.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._idle, self._total = settings.idle_timeout, settings.total_timeout
        self._pause = min(settings.pace, self._idle / 4, self._total / 4)
        self._next = 0.0

    def overdue(self, dialogues: Collection[Connection], now: float) -> Iterator[tuple[Connection, str]]:
        """Yield each that has reached a limit, and which, if it is time to look."""
        if now >= self._next:
            self._next = now + self._pause
            for dialogue in list(dialogues):
                if reason := dialogue.limit_reached(now, self._idle, self._total):
                    yield dialogue, reason
