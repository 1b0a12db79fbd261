"""A worker's side of a shared listener: wait for clients beside other workers, and keep account.

One connection wakes one worker (``EPOLLEXCLUSIVE``, epoll_ctl(2)), not all that wait. Should that
one be killed before it accepts, nobody else is told: so each worker looks for itself now and
then. That is also when it shows that it lives.
"""

import select
import socket
import time
from collections.abc import Iterator
from typing import Any

from procdemo.connection import Farewell, ServerSettings, say_no
from procdemo.door import accept
from procdemo.events import Emitter
from procdemo.guestbook import PAGE_S, GuestBook
from procdemo.roster import CLOSING, Seat

__all__ = ["IN", "OUT", "Reception"]

IN, OUT = 1, 4
"""Something can be read, or written: the same in select.epoll and select.poll."""


class Reception:
    """The shared listener and the other sockets of one worker, and what it knows of its clients."""

    def __init__(
        self,
        listener: socket.socket,
        settings: ServerSettings,
        seat: Seat,
        emit: Emitter,
        *,
        one_at_a_time: bool = True,
    ) -> None:
        """Wait for clients from now on; `seat` is the worker's row in the roster."""
        self._listener = listener
        self._pace = settings.pace
        self._seat = seat
        most = settings.max_connections
        self._most = most if not one_at_a_time or most < seat.roster.workers else 0  # 0: cannot be reached
        self._emit = emit
        self._book = GuestBook(emit, one_at_a_time=one_at_a_time)
        self.poller: Any = select.epoll() if hasattr(select, "epoll") else _Poll()
        self.fd = listener.fileno()
        self.open()

    def open(self) -> None:
        """Be told of clients."""
        self.poller.register(self.fd, IN | getattr(select, "EPOLLEXCLUSIVE", 0))

    def shut(self) -> None:
        """Be told of clients no more."""
        self.poller.unregister(self.fd)

    def arrivals(self) -> Iterator[tuple[socket.socket, str]]:
        """Yield one client after the other, as its connection and its name, until the server closes."""
        self._seat.hello()
        self._emit.mark("ready")
        poll, look, cells = self.poller.poll, self.look, self._seat.roster.cells
        while not cells[CLOSING]:
            poll(look())
            if arrival := self.accept():
                yield arrival

    def accept(self) -> tuple[socket.socket, str] | None:
        """Return a new client; None if there is none for us, or it had to be refused."""
        arrival = accept(self._listener)
        if arrival is None or self._seat.take(self._most):
            return arrival
        conn, client = arrival
        self._emit.mark("refused", client=client, limit=self._most)
        say_no(conn, f"{self._most} clients are connected already, try again later")
        conn.close()
        return None

    @property
    def closing(self) -> bool:
        """Whether nobody new is to be let in."""
        return self._seat.roster.closing

    def look(self) -> float:
        """Show that this worker lives, tell what is to be told; return how soon to do so again."""
        self._seat.beat()
        book = self._book
        now = time.monotonic()
        if now >= book.turn_at:
            book.turn(now)
        return PAGE_S if book.pending else self._pace

    def came(self, client: str) -> float:
        """Note that `client` is served from now on; return when that is."""
        self._book.came(client)
        return time.monotonic()

    def left(self, client: str, since: float, farewell: Farewell) -> None:
        """Note that `client`, served since then, is served no more."""
        self._seat.let_go()
        self._book.left(client, time.monotonic() - since, farewell)


class _Poll:
    """What we need of `select.epoll`, where there is none."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, seconds: float) -> list[tuple[int, int]]:
        """Wait as `select.epoll.poll` does."""
        return self._poll.poll(seconds * 1000)
