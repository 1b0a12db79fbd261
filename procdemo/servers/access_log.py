"""Which client was served, for how long, and how it ended: reported at any speed.

An event costs the worker that reports it 2 microseconds and the command that draws it ten; a
connection costs a hundred. So clients are reported one by one as long as a person could read
it, and in batches when they come faster: a batch is one event with all their names.
"""

import math
from collections import Counter
from collections.abc import Callable

from procdemo.demo.events import Emitter
from procdemo.servers.handler import CROWDS as CROWDS_OF_CLIENTS
from procdemo.servers.handler import MORE_SERVED, Outcome

STORY = {
    "serve.begin": "serves {client}",
    "serve": "serves {client}",
    "serve many": "serves {count} more clients",
    "served many": "{count} more clients have been served: {bytes} bytes, {ms:.2f} ms each",
}
CROWDS = {"serve": MORE_SERVED, "serve many": MORE_SERVED, "served many": CROWDS_OF_CLIENTS["served"]}

BATCH_S = 0.5
"""How long clients are gathered for a batch, in seconds."""

ONE_BY_ONE = 40
"""How many clients, opened and closed in this time, are reported one by one."""

_NAMES = 64  # in a batch: an event has room for 4,094 bytes, a name at most 54


class AccessLog:
    """The clients of one worker."""

    def __init__(
        self, emit: Emitter, note: Callable[[str], None] | None = None, *, one_by_one: int = ONE_BY_ONE
    ) -> None:
        """Report with `emit`.

        Args:
            emit: where to report.
            note: for a worker that serves one client at a time, and so can report each as a bar:
                called with the name of a client that is reported, and with "" when it was served.
            one_by_one: how many to report at once in each half second; with 0 all are gathered.
        """
        self._emit = emit
        self._note = note
        self.flush_at = 0.0
        """When `flush` is due, in `time.monotonic` seconds."""
        self._most = self._one_by_one = one_by_one  # the second: how many more before the next flush
        self._bars: set[str] = set()  # clients with a bar that is to be closed
        self._opened: list[str] = []  # not reported yet
        self._closed: list[tuple[str, float, Outcome]] = []  # not reported yet

    def note_opened(self, client: str) -> None:
        """Report, now or soon, that `client` is served."""
        if self._one_by_one > 0:
            self._one_by_one -= 1
            self._report_opened(client)
        else:
            self._opened.append(client)

    def note_closed(self, client: str, seconds: float, outcome: Outcome) -> None:
        """Report, now or soon, how the service of `client` has ended after so many seconds."""
        self._closed.append((client, seconds, outcome))
        if self._one_by_one > 0 or client in self._bars:
            self._one_by_one -= 1
            self._report_all_closed()

    def discard(self, client: str) -> None:
        """Report nothing of `client`, if it is not reported yet: its end is said elsewhere."""
        self._opened = [name for name in self._opened if name != client]

    def flush(self, now: float) -> None:
        """Report what is not reported yet; `now` is `time.monotonic`.

        If the last half second had more than 40 clients, the next are reported in batches only.
        """
        many = self._one_by_one <= 0 and now < self.flush_at + BATCH_S
        self._one_by_one = 0 if many and (self._closed or self._opened) else self._most
        self.flush_at = now + BATCH_S
        if self._closed:
            self._report_all_closed()
        if self._opened:
            self._report_all_opened()

    def close(self) -> None:
        """Report the rest; the worker ends."""
        self.flush(math.inf)

    def _report_opened(self, client: str) -> None:
        if self._note:
            self._note(client)
            self._bars.add(client)
            self._emit.begin("serve", client=client)
        else:
            self._emit.mark("serve", client=client)

    def _report_closed(self, client: str, seconds: float, outcome: Outcome) -> None:
        reason, received = outcome
        self._emit.mark("served", client=client, bytes=received, ms=seconds * 1e3, reason=reason)
        if client in self._bars:
            self._bars.remove(client)
            self._emit.end("serve")
            if self._note:
                self._note("")

    def _report_all_closed(self) -> None:
        """Report which clients were served; that they were opened need not be reported any more."""
        closed, self._closed = self._closed, []
        if self._opened:
            names = {name for name, _, _ in closed}
            self._opened = [name for name in self._opened if name not in names]
        if len(closed) <= ONE_BY_ONE:
            for each in closed:
                self._report_closed(*each)
            return
        for start in range(0, len(closed), _NAMES):
            clients, seconds, outcomes = zip(*closed[start : start + _NAMES], strict=True)
            reasons = Counter(reason for reason, _ in outcomes)
            self._emit.mark(
                "served many",
                count=len(clients),
                bytes=sum(received for _, received in outcomes),
                ms=sum(seconds) * 1e3 / len(clients),
                reasons=dict(reasons),
                clients=clients,
            )

    def _report_all_opened(self) -> None:
        opened, self._opened = self._opened, []
        if len(opened) <= ONE_BY_ONE:
            for client in opened:
                self._report_opened(client)
            return
        for start in range(0, len(opened), _NAMES):
            batch = opened[start : start + _NAMES]
            self._emit.mark("serve many", count=len(batch), clients=batch)
