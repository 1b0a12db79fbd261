"""The clients that come faster than a person could read, and that other processes serve: told in batches.

Main gives each client to a worker, and the worker reports it: seven events, which cost a fourth of what the
client itself costs. So if more than forty come in half a second, the others are served without a word, and
main names them in batches, as `procdemo.servers.access_log` does.
"""

from procdemo.demo.events import Emitter
from procdemo.process.selector_loop import SelectorLoop
from procdemo.servers import access_log
from procdemo.servers.access_log import BATCH_S, ONE_BY_ONE, Served, report_in_batches

STORY = {"served many": access_log.STORY["served many"]}


class CrowdLog:
    """Which clients are reported one by one; the names of all others."""

    def __init__(self, emit: Emitter, loop: SelectorLoop) -> None:
        """Report with `emit`, while `loop` runs."""
        self._emit, self._loop = emit, loop
        self._until = 0.0  # `time.monotonic`
        self._came = self._left = 0  # clients until then: that have come, that may be told
        self._served: list[Served] = []

    def may_tell(self, now: float) -> bool:
        """Return whether the client that comes `now` (`time.monotonic`) is to be reported one by one.

        If the last half second had more than forty, none is.
        """
        if now >= self._until:
            is_crowd = self._came > ONE_BY_ONE and now < self._until + BATCH_S
            self._came, self._left = 0, 0 if is_crowd else ONE_BY_ONE
            self._until = now + BATCH_S
        self._came += 1
        self._left -= 1
        return self._left >= 0

    def note_served(self, served: Served) -> None:
        """Note a client that was not reported; it is named within half a second."""
        if not self._served:
            self._loop.call_later(BATCH_S, self.flush)
        self._served.append(served)

    def flush(self) -> None:
        """Name those that are not named yet."""
        served, self._served = self._served, []
        report_in_batches(served, self._emit)
