"""Clients that stay connected to a server, and put load on it for a moment, again and again."""

import selectors
import socket
import time
from types import TracebackType
from typing import NamedTuple, Self

from procdemo.demo.settings import CannotRunError
from procdemo.demo.text import quoted, reason_of
from procdemo.process.usage import ThreadUsage
from procdemo.tcp_client.percentiles import LatencyReservoir

_REQUEST = b"what does a request cost here? \n"
_ANSWER = _REQUEST.upper()
_TICK_S = 0.05
_HINT = "the same server by itself, to see why"


class LoadResult(NamedTuple):
    """What came of a moment's load."""

    answered: int
    """Requests that were sent and answered within the moment."""
    seconds: float
    own: ThreadUsage
    """What this thread, which runs all the clients, used: parts of the time."""


class _Client:
    __slots__ = ("answered", "conn", "missing", "since")

    def __init__(self, conn: socket.socket) -> None:
        self.conn = conn
        self.missing = 0  # bytes of the answer that have not come yet
        self.since = 0.0  # when the request was sent
        self.answered = False  # whether the server has ever answered


class HeldClients:
    """A number of connections to a server on loopback, open within the block.

    A server may serve only a few of them at once: the others have sent a request, and wait.
    """

    def __init__(self, port: int, clients: int, timeout: float) -> None:
        """Connect on entry to the block.

        Args:
            port: where the server listens, on 127.0.0.1.
            clients: how many connections to open.
            timeout: longest wait for a connection, or for a first answer, in seconds.
        """
        self._address = "127.0.0.1", port
        self._number = clients
        self._timeout = timeout
        self._clients: list[_Client] = []

    def __enter__(self) -> Self:
        try:
            for _ in range(self._number):
                self._clients.append(_Client(socket.create_connection(self._address, self._timeout)))
        except OSError as error:
            self._close()
            raise CannotRunError(
                f"client {len(self._clients) + 1}: {reason_of(error)}", "fewer clients"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        for client in self._clients:
            client.conn.close()

    def wait_for_answers(self, expected: int) -> None:
        """Have all clients send requests, until `expected` of them have been answered.

        Raises:
            CannotRunError: they were not, in time.
        """
        end = time.monotonic() + self._timeout
        while (answered := sum(client.answered for client in self._clients)) < expected:
            if time.monotonic() > end:
                message = f"{answered} of {expected} clients were answered within {self._timeout:g} s"
                raise CannotRunError(message, _HINT)
            self.generate_load(self._number, _TICK_S, LatencyReservoir())

    def generate_load(self, clients: int, seconds: float, round_trips: LatencyReservoir) -> LoadResult:
        """Have the first `clients` send requests, each the next one as soon as it is answered.

        Args:
            clients: how many of the clients; the others are silent.
            seconds: for how long.
            round_trips: gets, of each request, the seconds until its answer was complete.

        Raises:
            CannotRunError: the server closed a connection, or answered something else.
        """
        try:
            return self._generate_load(clients, seconds, round_trips)
        except OSError as error:
            raise CannotRunError(f"a server hung up: {reason_of(error)}", _HINT) from error

    def _generate_load(self, clients: int, seconds: float, round_trips: LatencyReservoir) -> LoadResult:
        clock, add = time.monotonic, round_trips.add
        answered, own = 0, ThreadUsage.now()
        with selectors.DefaultSelector() as selector:
            begin = now = clock()
            for client in self._clients[:clients]:
                selector.register(client.conn, selectors.EVENT_READ, client)
                if not client.missing:
                    self._send(client, now)
            while now < begin + seconds:
                for key, _ in selector.select(_TICK_S):
                    client = key.data
                    self._receive(client)
                    if client.missing:
                        continue
                    now = clock()
                    if client.since >= begin:  # not the last request of the moment before
                        answered += 1
                        add(now - client.since)
                    self._send(client, now)
                now = clock()
        return LoadResult(answered, now - begin, ThreadUsage.now().share(own, now - begin))

    def _send(self, client: _Client, now: float) -> None:
        client.missing, client.since = len(_ANSWER), now
        client.conn.send(_REQUEST)  # never a part of it: nothing else is under way, so there is room

    def _receive(self, client: _Client) -> None:
        """Take what has come of an answer."""
        data = client.conn.recv(client.missing)
        if data != _ANSWER:
            at = len(_ANSWER) - client.missing
            if not data or data != _ANSWER[at : at + len(data)]:
                what = f"answered {quoted(data)}" if data else "closed a connection"
                raise CannotRunError(f"a server {what}", _HINT)
        client.missing -= len(data)
        client.answered = True
