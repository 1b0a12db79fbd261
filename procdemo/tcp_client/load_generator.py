"""A load of clients on one upper-case server: one thread, many connections, every byte compared.

Each client connects, sends its messages one after the other, each when the one before is
answered, ends its side of the connection, and waits for the server to close. A failure ends only its
client, and is counted by kind.
"""

import errno
import os
import selectors
import socket
import string
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from procdemo.demo.settings import CannotRunError
from procdemo.process.throttle import Throttle
from procdemo.tcp_client.connect import Address, check_connected, not_connected
from procdemo.tcp_client.exchange import EndOfStream, Exchange, ServerFailedError
from procdemo.tcp_client.percentiles import LatencyReservoir

_TICK_S = 0.05  # between two reports of progress; and how exactly a time limit is kept
_DIFFERENT = 8  # messages; an answer to the one before is a wrong answer
_BEYOND = 100  # bytes asked for beyond an answer, to see that there are none
_FULL = {errno.EMFILE, errno.ENFILE}
_STARTED = {0, errno.EINPROGRESS, errno.EWOULDBLOCK}
_BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked of a server."""

    clients: int
    """Connected at once."""
    messages: int
    """Of each client."""
    size: int
    """Bytes of a message."""
    timeout: float
    """Longest wait in seconds for a connection, for a whole answer, and for the end."""


@dataclass(slots=True)
class Findings:
    """What a load has shown of the server."""

    answered: int = 0
    """Messages whose whole answer was right."""
    connections: int = 0
    """Clients that got a connection."""
    seconds: float = 0.0
    """From the first connect() until the last client had ended."""
    round_trips: LatencyReservoir = field(default_factory=LatencyReservoir)
    """Of each message, from its send() until its whole answer was there."""
    failures: dict[str, list[ServerFailedError]] = field(default_factory=dict)
    """What ended clients too early, by kind."""

    def add_failure(self, failure: ServerFailedError) -> None:
        """Count a failure."""
        self.failures.setdefault(failure.kind, []).append(failure)

    def measures(self) -> dict[str, float | None]:
        """Return messages and connections per second, and percentiles of the round trip in ms."""
        seconds = self.seconds or float("inf")
        return {
            "messages_per_s": round(self.answered / seconds, 1),
            "connections_per_s": round(self.connections / seconds, 1),
            "p50_ms": self.round_trips.percentile_ms(50),
            "p99_ms": self.round_trips.percentile_ms(99),
        }


def generate_load(addresses: list[Address], load: Load, progress: Callable[[int], None]) -> Findings:
    """Put `load` on the server at `addresses`; return the findings when all clients have ended.

    Args:
        addresses: of one server; a client that cannot connect to one tries the next.
        load: how much.
        progress: called with the number of right answers so far, at most 20 times a second.

    Raises:
        CannotRunError: this process may not have so many connections.
    """
    return _Generator(addresses, load, progress).run()


class _Client:
    """A client from connect() on."""

    __slots__ = ("conn", "events", "exchange", "left", "others", "since")

    def __init__(self, conn: socket.socket, others: Iterator[Address], messages: int) -> None:
        self.conn = conn
        self.others = others
        """Addresses to try if it cannot connect to this one."""
        self.left = messages
        self.exchange: Exchange | None = None
        """None until it is connected."""
        self.since = time.monotonic()
        """When it began to wait for what it waits for now."""
        self.events = selectors.EVENT_WRITE


class _Generator:
    def __init__(self, addresses: list[Address], load: Load, progress: Callable[[int], None]) -> None:
        self._addresses = addresses
        self._load = load
        self._progress = progress
        self._findings = Findings()
        self._selector = selectors.DefaultSelector()
        self._clients: set[_Client] = set()
        letters = string.ascii_lowercase.encode()
        block = letters * (load.size // len(letters) + 2)
        self._messages = [block[at : at + load.size] for at in range(_DIFFERENT)]
        self._wanted = [message.upper() for message in self._messages]

    def run(self) -> Findings:
        """Start all clients, and serve each as often as its connection is ready."""
        before = time.monotonic()
        throttle = Throttle(_TICK_S)
        throttle.take_turn(before)  # not before the first client could be answered
        try:
            for _ in range(self._load.clients):
                self._connect(iter(self._addresses), OSError("no address"))
            while self._clients:
                for key, events in self._selector.select(_TICK_S):
                    try:
                        self._on_ready(key.data, events)
                    except ServerFailedError as failure:
                        self._end(key.data, failure)
                now = time.monotonic()
                if throttle.take_turn(now):
                    self._end_overdue(now)
                    self._progress(self._findings.answered)
            self._findings.seconds = time.monotonic() - before
            self._progress(self._findings.answered)
        finally:
            for client in self._clients:
                client.conn.close()
            self._selector.close()
        return self._findings

    def _connect(self, addresses: Iterator[Address], error: OSError) -> None:
        """Begin to connect to the next address; `error` says why the one before failed."""
        for address in addresses:
            try:
                conn = socket.socket(address.family)
            except OSError as no_socket:
                if no_socket.errno in _FULL:
                    raise self._too_many() from None
                error = no_socket
                continue
            client = _Client(conn, addresses, self._load.messages)
            self._clients.add(client)
            self._selector.register(conn, client.events, client)
            conn.setblocking(False)
            status = conn.connect_ex(address.sockaddr)
            if status in _STARTED:
                return
            self._end(client)
            error = OSError(status, os.strerror(status))
        self._findings.add_failure(not_connected(error, self._load.timeout))

    def _too_many(self) -> CannotRunError:
        clients = self._load.clients
        return CannotRunError(
            f"this process may not have as many as {clients} connections open",
            f"ulimit -n {clients + 50}, or fewer --clients",
        )

    def _on_ready(self, client: _Client, events: int) -> None:
        """Do what can be done for a client whose connection is ready."""
        exchange = client.exchange
        if exchange is None:
            self._on_connected(client)
            return
        if events & selectors.EVENT_WRITE:
            exchange.send(client.conn)
        if not (events & selectors.EVENT_READ and exchange.receive(client.conn, _BEYOND)):
            self._wait_for(client, exchange)
        elif isinstance(exchange, EndOfStream):
            self._end(client)
        else:
            now = time.monotonic()
            self._findings.round_trips.add(now - client.since)
            self._findings.answered += 1
            self._send_next(client, now)

    def _on_connected(self, client: _Client) -> None:
        """Find out whether the connection was made; if so, begin."""
        try:
            check_connected(client.conn)
        except OSError as error:
            self._end(client)
            self._connect(client.others, error)
        else:
            self._findings.connections += 1
            self._send_next(client, time.monotonic())

    def _send_next(self, client: _Client, now: float) -> None:
        """Send the next message, or the end."""
        client.since = now
        if client.left:
            client.left -= 1
            number = client.left % _DIFFERENT
            client.exchange = Exchange(self._messages[number], self._wanted[number])
            client.exchange.send(client.conn)
        else:
            client.exchange = EndOfStream(client.conn)
        self._wait_for(client, client.exchange)

    def _wait_for(self, client: _Client, exchange: Exchange) -> None:
        """Wait for the answer and, while something is unsent, for room to send."""
        events = _BOTH if exchange.unsent else selectors.EVENT_READ
        if events != client.events:
            client.events = events
            self._selector.modify(client.conn, events, client)

    def _end(self, client: _Client, failure: ServerFailedError | None = None) -> None:
        self._clients.remove(client)
        self._selector.unregister(client.conn)
        client.conn.close()
        if failure:
            self._findings.add_failure(failure)

    def _end_overdue(self, now: float) -> None:
        timeout = self._load.timeout
        for client in [client for client in self._clients if now - client.since >= timeout]:
            late = (
                client.exchange.too_late(timeout)
                if client.exchange
                else not_connected(TimeoutError(), timeout)
            )
            self._end(client, late)
