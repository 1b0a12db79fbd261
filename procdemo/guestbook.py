"""Who was served by whom, told at any speed.

An event costs the worker that tells it 2 microseconds and the command that draws it ten; a
connection costs a hundred. So clients are told one by one as long as somebody could read
it, and page by page when they come faster: a page is one event with all their names.
"""

import math
import time
from collections import Counter

from procdemo.connection import Farewell
from procdemo.events import Emitter

STORY = {
    "serve.begin": "serves client {client}",
    "serve": "serves client {client}, too",
    "serve many": "serves {count} more clients; they come too fast to be told one by one",
    "served": "client {client}: {bytes} bytes in {ms:.1f} ms, {reason}",
    "served many": "{count} clients, {bytes} bytes, {ms:.2f} ms each, too fast to be told one by one",
}
"""Sentences of a worker; a pattern's STORY takes them in."""

_PAGE_S = 0.1  # how long names are gathered
_ALOUD = 20  # comings and goings in this time that are told one by one
_NAMES = 64  # on a page: an event has room for 4,094 bytes, a name at most 54


class GuestBook:
    """A worker's own account of its clients."""

    def __init__(self, emit: Emitter, *, one_at_a_time: bool) -> None:
        """Tell with `emit`; a worker that serves `one_at_a_time` tells each as a bar."""
        self._emit = emit
        self._bars = one_at_a_time
        self._turn_at = 0.0
        self._count = 0  # on this page
        self._rush = False
        self._open: set[str] = set()  # told by a bar that is to be closed
        self._came: dict[str, None] = {}
        self._left: list[str] = []
        self._bytes = 0
        self._seconds = 0.0
        self._reasons: Counter[str] = Counter()

    @property
    def patience(self) -> float:
        """Seconds until there is something to tell."""
        return _PAGE_S if self._came or self._left else math.inf

    def came(self, client: str) -> None:
        """Tell, now or soon, that `client` is served."""
        self._count += 1
        if self._rush or self._count > _ALOUD:
            self._came[client] = None
        else:
            self._tell_came(client)

    def left(self, client: str, since: float, farewell: Farewell) -> None:
        """Tell, now or soon, how the service that began at `since` (monotonic) has ended."""
        seconds = time.monotonic() - since
        self._count += 1
        if client in self._came:
            del self._came[client]  # a short visit
        elif client in self._open or not (self._rush or self._count > _ALOUD):
            self._tell_left(client, seconds * 1e3, farewell)
            return
        self._left.append(client)
        self._bytes += farewell.received
        self._seconds += seconds
        self._reasons[farewell.reason] += 1
        if len(self._left) >= _NAMES:
            self._tell_page()

    def turn(self, now: float) -> None:
        """Begin a new page if it is time to; `now` is `time.monotonic`."""
        if now < self._turn_at:
            return
        self._rush = self._count > _ALOUD and now < self._turn_at + _PAGE_S
        self._turn_at = now + _PAGE_S
        self._count = 0
        if self._left:
            self._tell_page()
        if self._came:
            self._tell_arrivals()

    def _tell_came(self, client: str) -> None:
        if self._bars:
            self._open.add(client)
            self._emit.begin("serve", client=client)
        else:
            self._emit.mark("serve", client=client)

    def _tell_left(self, client: str, ms: float, farewell: Farewell) -> None:
        self._emit.mark("served", client=client, bytes=farewell.received, ms=ms, reason=farewell.reason)
        if client in self._open:
            self._open.remove(client)
            self._emit.end("serve")

    def _tell_arrivals(self) -> None:
        names = list(self._came)
        self._came.clear()
        if len(names) <= _ALOUD:
            for name in names:
                self._tell_came(name)
            return
        for start in range(0, len(names), _NAMES):
            page = names[start : start + _NAMES]
            self._emit.mark("serve many", count=len(page), clients=page)

    def _tell_page(self) -> None:
        names, count = self._left, len(self._left)
        ms = self._seconds * 1e3 / count
        self._emit.mark(
            "served many",
            count=count,
            bytes=self._bytes,
            ms=ms,
            reasons=dict(self._reasons),
            clients=names,
        )
        self._left = []
        self._bytes, self._seconds = 0, 0.0
        self._reasons.clear()
