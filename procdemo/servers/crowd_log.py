"""The clients that come faster than a person could read, and that other processes serve: told in batches.

Main gives each client to a worker, and both report that: seven events, which cost a fourth of what the client
itself costs. So if more than forty clients were served in half a second, the next are served without a word,
and main names them in batches (`procdemo.servers.access_log`).
"""

import time

from procdemo.demo.events import Emitter
from procdemo.process.selector_loop import SelectorLoop
from procdemo.servers import access_log
from procdemo.servers.access_log import BATCH_S, ONE_BY_ONE, AccessLog
from procdemo.servers.handler import Outcome

STORY = {
    "serve": "{client} is served",
    "serve many": "{count} more clients are served",
    "served many": access_log.STORY["served many"],
}
CROWDS = access_log.CROWDS


class CrowdLog:
    """Which clients their workers report; and what is said of all others."""

    def __init__(self, emit: Emitter, loop: SelectorLoop, *, all_told: bool = False) -> None:
        """Report with `emit`, while `loop` runs; with `all_told` each client is reported by its worker."""
        self._loop = loop
        self._all_told = all_told
        self._log = AccessLog(emit, one_by_one=0)
        self._until = 0.0  # `time.monotonic`
        self._served = 0  # clients until then
        self._is_crowd = False
        self._flushes = False  # whether the loop will call `flush`

    def may_tell(self) -> bool:
        """Return whether the client that comes now is to be reported by those who serve it.

        If more than forty were served in this half second or the last, it is not.
        """
        self._look_at_clock()
        return self._all_told or not (self._is_crowd or self._served > ONE_BY_ONE)

    def count_served(self) -> None:
        """Count a client that was served, reported or not."""
        self._look_at_clock()
        self._served += 1

    def note_opened(self, client: str) -> None:
        """Note that a client is served that its worker does not report; it is named within half a second."""
        self._log.note_opened(client)
        self._flush_later()

    def note_closed(self, client: str, seconds: float, outcome: Outcome) -> None:
        """Note how its service has ended after so many seconds; that is said within half a second."""
        self._log.note_closed(client, seconds, outcome)
        self._flush_later()

    def discard(self, client: str) -> None:
        """Report nothing of `client`, if it is not reported yet: its end is said elsewhere."""
        self._log.discard(client)

    def flush(self) -> None:
        """Report what is not reported yet."""
        self._flushes = False
        self._log.flush(time.monotonic())

    def _flush_later(self) -> None:
        if not self._flushes:
            self._flushes = True
            self._loop.call_later(BATCH_S, self.flush)

    def _look_at_clock(self) -> None:
        now = time.monotonic()
        if now >= self._until:
            self._is_crowd = self._served > ONE_BY_ONE and now < self._until + BATCH_S
            self._served, self._until = 0, now + BATCH_S
