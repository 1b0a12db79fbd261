"""A worker's side of a shared listener: it accepts clients beside other workers, and counts them.

One connection wakes one worker, not all that wait: accept(2) does so by itself, and epoll with
``EPOLLEXCLUSIVE`` (epoll_ctl(2)). If that worker is killed before it accepts, no other worker is woken: so
each worker looks for itself now and then. That is also when it shows that it lives.
"""

import os
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Self

from procdemo.demo.events import Emitter
from procdemo.servers.accept_queue import AcceptQueue, Arrival
from procdemo.servers.access_log import AccessLog
from procdemo.servers.handler import Outcome
from procdemo.servers.refusal import refuse_over_limit
from procdemo.servers.scoreboard import CLOSING, Slot
from procdemo.servers.settings import ServerSettings

_IN = 1 | getattr(select, "EPOLLEXCLUSIVE", 0)  # POLLIN is EPOLLIN


class Acceptor:
    """Accepts the clients of one worker; a context manager, because its log is written to the end."""

    def __init__(
        self,
        listener: socket.socket,
        settings: ServerSettings,
        slot: Slot,
        emit: Emitter,
        *,
        one_at_a_time: bool = True,
    ) -> None:
        """Wait for clients from now on, and say so.

        Args:
            listener: shared with the other workers, with the pace of `set_pace`; non-blocking.
            settings: what limits the number of clients of all workers.
            slot: the worker's row in the scoreboard.
            emit: where to report.
            one_at_a_time: whether the worker serves one client after the other.
        """
        self._pace = settings.pace
        self._slot = slot
        workers, most = slot.scoreboard.workers, settings.max_connections
        # With one client per worker, at most `workers` are served: a larger limit can never be exceeded, so
        # do not check it (0).
        self._most = most if not one_at_a_time or most < workers else 0
        self._emit = emit
        self._log = AccessLog(emit, partial(slot.scoreboard.set_client, slot.row) if one_at_a_time else None)
        self._alone = workers == 1
        self._now = 0.0
        self.poller: Any = select.epoll() if hasattr(select, "epoll") else _Poll()
        watch: Callable[[], object] = partial(self.poller.register, listener, _IN)
        unwatch: Callable[[], object] = partial(self.poller.unregister, listener)
        self._accept_waits = one_at_a_time and sys.platform == "linux"
        if self._accept_waits:
            # accept(2) itself waits for a client, for as long as SO_RCVTIMEO says (socket(7)): a system call
            # less for each. The flag is of the open file, so all workers have it; main never accepts.
            os.set_blocking(listener.fileno(), True)
            watch = unwatch = _do_nothing
        self._queue = AcceptQueue(listener, watch, unwatch, slot.clients)
        emit.mark("ready")
        slot.ready()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.close()

    def arrivals(self) -> Iterator[Arrival]:
        """Yield one client after the other, as its connection and its name, until the server closes."""
        tick, cells, queue = self.tick, self._slot.scoreboard.cells, self._queue
        pause = self._pace
        while not cells[CLOSING]:
            if queue.pauses or not self._accept_waits:
                self.poller.poll(pause)
            arrival = self._admit_or_refuse()
            pause = tick()
            if arrival:
                yield arrival

    def _admit_or_refuse(self) -> Arrival | None:
        """Return a new client; None if there is none. If too many are connected, refuse it: None, too."""
        arrival = self._queue.accept()
        if arrival is None or self._slot.acquire(self._most):
            return arrival
        refuse_over_limit(*arrival, self._most, self._emit)
        return None

    def next_arrival(self) -> Arrival | None:
        """Return a new client, or None, for an event loop that serves many and must not wait.

        After each client, the other workers are the first to be woken by the next one.
        """
        if self.closing:
            self._queue.close()
            return None
        self._now = time.monotonic()
        arrival = self._admit_or_refuse()
        if arrival and not self._alone:
            self._queue.rotate()
        return arrival

    @property
    def closing(self) -> bool:
        """Whether no new clients are to be accepted."""
        return self._slot.scoreboard.closing

    def tick(self) -> float:
        """Show that this worker lives, flush the log if that is due; return how soon to do so again."""
        self._slot.heartbeat()
        self._now = now = time.monotonic()
        if now >= self._log.flush_at:
            self._log.flush(now)
        return min(self._pace, self._queue.resume())

    def note_opened(self, client: str) -> float:
        """Note that `client` is served from now on; return when that is."""
        self._log.note_opened(client)
        return self._now

    def note_closed(self, client: str, since: float, outcome: Outcome) -> None:
        """Note that `client`, served since then, is served no more."""
        self._slot.release()
        self._log.note_closed(client, time.monotonic() - since, outcome)


def _do_nothing(*_: object) -> None:
    pass


class _Poll:
    """The part of `select.epoll` that is needed here, for systems that have none."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, seconds: float) -> list[tuple[int, int]]:
        """Wait as `select.epoll.poll` does."""
        return self._poll.poll(seconds * 1000)
