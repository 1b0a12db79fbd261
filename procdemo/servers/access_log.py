"""Who was served by whom, told at any speed.

An event costs the worker that tells it 2 microseconds and the command that draws it ten; a
connection costs a hundred. So clients are told one by one as long as somebody could read
it, and page by page when they come faster: a page is one event with all their names.
"""

import math
from collections import Counter
from collections.abc import Callable

from procdemo.demo.events import Emitter
from procdemo.servers.handler import Outcome

STORY = {
    "serve.begin": "serves client {client}",
    "serve": "serves client {client}, too",
    "serve many": "serves {count} more clients; they come too fast to be told one by one",
    "served many": "{count} clients, {bytes} bytes, {ms:.2f} ms each, too fast to be told one by one",
}
"""Sentences of a worker; a pattern's STORY takes them in."""

PAGE_S = 0.5
"""How long names are gathered, in seconds."""

_ALOUD = 40  # comings and goings in this time that are told one by one
_NAMES = 64  # on a page: an event has room for 4,094 bytes, a name at most 54


class AccessLog:
    """A worker's own account of its clients."""

    def __init__(self, emit: Emitter, note: Callable[[str], None] | None = None) -> None:
        """Tell with `emit`.

        Args:
            emit: where to report.
            note: for a worker that serves one client at a time, and so can tell each as a bar:
                called with the name of a client that is told, and with nothing when it has left.
        """
        self._emit = emit
        self._note = note
        self.turn_at = 0.0
        """When this page ends, in `time.monotonic` seconds."""
        self._aloud = _ALOUD  # how many more may be told one by one on this page
        self._told: set[str] = set()  # by a bar that is to be closed
        self._came: list[str] = []
        self._left: list[tuple[str, float, Outcome]] = []

    def came(self, client: str) -> None:
        """Tell, now or soon, that `client` is served."""
        if self._aloud > 0:
            self._aloud -= 1
            self._tell_came(client)
        else:
            self._came.append(client)

    def left(self, client: str, seconds: float, farewell: Outcome) -> None:
        """Tell, now or soon, how the service of `client` has ended after so many seconds."""
        self._left.append((client, seconds, farewell))
        if self._aloud > 0 or client in self._told:
            self._aloud -= 1
            self._tell_departures()

    def turn(self, now: float) -> None:
        """Begin a new page; `now` is `time.monotonic`. After a page too full to be told aloud, none is."""
        rush = self._aloud <= 0 and now < self.turn_at + PAGE_S
        self._aloud = 0 if rush and (self._left or self._came) else _ALOUD
        self.turn_at = now + PAGE_S
        if self._left:
            self._tell_departures()
        if self._came:
            self._tell_arrivals()

    def close(self) -> None:
        """Tell what is left to be told."""
        self.turn(math.inf)

    def _tell_came(self, client: str) -> None:
        if self._note:
            self._note(client)
            self._told.add(client)
            self._emit.begin("serve", client=client)
        else:
            self._emit.mark("serve", client=client)

    def _tell_left(self, client: str, seconds: float, farewell: Outcome) -> None:
        reason, received = farewell
        self._emit.mark("served", client=client, bytes=received, ms=seconds * 1e3, reason=reason)
        if client in self._told:
            self._told.remove(client)
            self._emit.end("serve")
            if self._note:
                self._note("")

    def _tell_departures(self) -> None:
        """Tell who has left; who came only now, and left already, need not be told to have come."""
        left, self._left = self._left, []
        if self._came:
            gone = {name for name, _, _ in left}
            self._came = [name for name in self._came if name not in gone]
        if len(left) <= _ALOUD:
            for each in left:
                self._tell_left(*each)
            return
        for start in range(0, len(left), _NAMES):
            names, seconds, farewells = zip(*left[start : start + _NAMES], strict=True)
            reasons = Counter(reason for reason, _ in farewells)
            self._emit.mark(
                "served many",
                count=len(names),
                bytes=sum(received for _, received in farewells),
                ms=sum(seconds) * 1e3 / len(names),
                reasons=dict(reasons),
                clients=names,
            )

    def _tell_arrivals(self) -> None:
        came, self._came = self._came, []
        if len(came) <= _ALOUD:
            for client in came:
                self._tell_came(client)
            return
        for start in range(0, len(came), _NAMES):
            page = came[start : start + _NAMES]
            self._emit.mark("serve many", count=len(page), clients=page)
