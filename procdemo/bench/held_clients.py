"""Clients who stay connected, and put load on a server for a moment, again and again."""

import selectors
import socket
import time
from types import TracebackType
from typing import NamedTuple, Self

from procdemo.demo.settings import CannotRunError
from procdemo.process.usage import ThreadUsage
from procdemo.tcp_client.percentiles import LatencyReservoir

_REQUEST = b"what does a request cost here? \n"
_ANSWER = _REQUEST.upper()
_TICK_S = 0.05
_HINT = "the same server by itself, to see why"


class Pressed(NamedTuple):
    """What came of a moment's load."""

    answered: int
    """Requests that were sent and answered within it."""
    seconds: float
    own: ThreadUsage
    """What we did, who asked, as parts of the time."""


class _Guest:
    __slots__ = ("conn", "known", "missing", "since")

    def __init__(self, conn: socket.socket) -> None:
        self.conn = conn
        self.missing = 0  # bytes of the answer that is under way
        self.since = 0.0  # when it was asked for
        self.known = False  # whether the server has ever answered


class HeldClients:
    """So many connections to a server on loopback, open within the block.

    A server may talk to a few of them only: the others have asked, and wait.
    """

    def __init__(self, port: int, clients: int, timeout: float) -> None:
        """Connect so many; wait no longer than `timeout` seconds for a connection, or for a first answer."""
        self._address = "127.0.0.1", port
        self._clients = clients
        self._timeout = timeout
        self._guests: list[_Guest] = []

    def __enter__(self) -> Self:
        try:
            for _ in range(self._clients):
                self._guests.append(_Guest(socket.create_connection(self._address, self._timeout)))
        except OSError as error:
            self._disperse()
            raise CannotRunError(f"client {len(self._guests) + 1}: {error}", "fewer clients") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disperse()

    def _disperse(self) -> None:
        for guest in self._guests:
            guest.conn.close()

    def meet(self, expected: int) -> None:
        """Have everybody ask, until so many have been answered.

        Raises:
            CannotRunError: they were not, in time.
        """
        end = time.monotonic() + self._timeout
        while (known := sum(guest.known for guest in self._guests)) < expected:
            if time.monotonic() > end:
                told = f"{known} of {expected} clients were answered within {self._timeout:g} s"
                raise CannotRunError(told, _HINT)
            self.generate_load(self._clients, _TICK_S, LatencyReservoir())

    def generate_load(self, clients: int, seconds: float, round_trips: LatencyReservoir) -> Pressed:
        """Have the first `clients` ask for so long, each anew as soon as it is answered.

        Args:
            clients: how many of them; the others keep silent.
            seconds: how long.
            round_trips: gets, of each request, how long it took until its answer was whole.

        Raises:
            CannotRunError: the server hung up, or answered something else.
        """
        try:
            return self._press(clients, seconds, round_trips)
        except OSError as error:
            raise CannotRunError(f"a server hung up: {error}", _HINT) from error

    def _press(self, clients: int, seconds: float, round_trips: LatencyReservoir) -> Pressed:
        clock, add = time.monotonic, round_trips.add
        answered, own = 0, ThreadUsage.now()
        with selectors.DefaultSelector() as selector:
            begin = now = clock()
            for guest in self._guests[:clients]:
                selector.register(guest.conn, selectors.EVENT_READ, guest)
                if not guest.missing:
                    self._ask(guest, now)
            while now < begin + seconds:
                for key, _ in selector.select(_TICK_S):
                    guest = key.data
                    self._hear(guest)
                    if guest.missing:
                        continue
                    now = clock()
                    if guest.since >= begin:  # not the last one of the moment before
                        answered += 1
                        add(now - guest.since)
                    self._ask(guest, now)
                now = clock()
        return Pressed(answered, now - begin, ThreadUsage.now().share(own, now - begin))

    def _ask(self, guest: _Guest, now: float) -> None:
        guest.missing, guest.since = len(_ANSWER), now
        guest.conn.send(_REQUEST)  # so little fits at once: nothing else is under way

    def _hear(self, guest: _Guest) -> None:
        """Take what has come of an answer."""
        data = guest.conn.recv(guest.missing)
        if data != _ANSWER:
            at = len(_ANSWER) - guest.missing
            if not data or data != _ANSWER[at : at + len(data)]:
                raise CannotRunError(f"a server answered {data!r}", _HINT)
        guest.missing -= len(data)
        guest.known = True
