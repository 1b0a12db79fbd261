"""How many messages a client has sent, and how many were answered: reported also if it is asked to stop."""

import contextlib
from collections.abc import Iterator

from procdemo.demo.events import INTERRUPTED, SUMMARY, Emitter


class Tally:
    """The messages of one client, or of many."""

    def __init__(self, emit: Emitter, asked: int = 0) -> None:
        """Report with `emit`; `asked` messages are to be sent."""
        self._emit = emit
        self.asked = asked
        """Messages that were sent, or are to be sent."""
        self.answered = 0
        """Messages whose whole answer has come."""

    def note_progress(self, answered: int) -> None:
        """Note and report how many of the messages are answered."""
        self.answered = answered
        self._emit.count("messages", answered, total=self.asked)

    @contextlib.contextmanager
    def reported_if_interrupted(self) -> Iterator[None]:
        """Report the summary if a signal ends the block (`SystemExit`, which is raised on)."""
        try:
            yield
        except SystemExit:
            counts = {"asked": self.asked, "answered": self.answered}
            reason = f"{INTERRUPTED}: {self.answered} of {self.asked} messages answered"
            self._emit.result(SUMMARY, ok=False, outcome=INTERRUPTED, reason=reason, **counts)
            raise
