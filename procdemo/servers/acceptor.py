"""A worker's side of a shared listener: wait for clients beside other workers, and keep account.

One connection wakes one worker (``EPOLLEXCLUSIVE``, epoll_ctl(2)), not all that wait. Should that
one be killed before it accepts, nobody else is told: so each worker looks for itself now and
then. That is also when it shows that it lives.
"""

import math
import select
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Self

from procdemo.demo.events import Emitter
from procdemo.servers.access_log import AccessLog
from procdemo.servers.handler import Outcome, say_no
from procdemo.servers.listener import accept
from procdemo.servers.scoreboard import CLOSING, Slot
from procdemo.servers.settings import ServerSettings

_IN = 1 | getattr(select, "EPOLLEXCLUSIVE", 0)  # POLLIN is EPOLLIN


class Acceptor:
    """The shared listener and the other sockets of one worker, and what it knows of its clients."""

    def __init__(
        self,
        listener: socket.socket,
        settings: ServerSettings,
        seat: Slot,
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
        self._book = AccessLog(emit, partial(seat.roster.name, seat.row) if one_at_a_time else None)
        self._alone = seat.roster.workers == 1
        self._open_at = math.inf
        self._now = 0.0
        self.poller: Any = select.epoll() if hasattr(select, "epoll") else _Poll()
        self.poller.register(listener, _IN)
        emit.mark("ready")
        seat.hello()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def arrivals(self) -> Iterator[tuple[socket.socket, str]]:
        """Yield one client after the other, as its connection and its name, until the server closes."""
        poll, look, pace, cells = self.poller.poll, self.look, self._pace, self._seat.roster.cells
        while not cells[CLOSING]:
            poll(pace)
            look()
            if arrival := self.accept():
                yield arrival

    def accept(self, step_aside: Callable[[float], None] | None = None) -> tuple[socket.socket, str] | None:
        """Return a new client; None if there is none for us, or it had to be refused."""
        arrival = accept(self._listener, step_aside)
        if arrival is None or self._seat.take(self._most):
            return arrival
        conn, client = arrival
        self._emit.mark("refused", client=client, limit=self._most)
        say_no(conn, f"{self._most} clients are connected already, try again later")
        conn.close()
        return None

    def newcomer(self) -> tuple[socket.socket, str] | None:
        """As `accept`, for a loop that must not wait, and serves many.

        Who has taken a client goes to the end of the line of those who wait for the next. Who is
        out of descriptors does not wait for clients for a moment; the kernel keeps them.
        """
        if self.closing:
            self.poller.unregister(self._listener)
            return None
        self._now = time.monotonic()
        arrival = self.accept(self._step_aside)
        if arrival and not self._alone:
            self.poller.unregister(self._listener)
            self.poller.register(self._listener, _IN)
        return arrival

    def _step_aside(self, seconds: float) -> None:
        self.poller.unregister(self._listener)
        self._open_at = time.monotonic() + seconds

    @property
    def closing(self) -> bool:
        """Whether nobody new is to be let in."""
        return self._seat.roster.closing

    def look(self) -> float:
        """Show that this worker lives, tell what is to be told; return how soon to do so again."""
        self._seat.beat()
        book = self._book
        self._now = now = time.monotonic()
        if now >= book.turn_at:
            book.turn(now)
        if now >= self._open_at:
            self._open_at = math.inf
            self.poller.register(self._listener, _IN)
        return min(self._pace, max(self._open_at - now, 0))

    def came(self, client: str) -> float:
        """Note that `client` is served from now on; return when that is."""
        self._book.came(client)
        return self._now

    def left(self, client: str, since: float, farewell: Outcome) -> None:
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
