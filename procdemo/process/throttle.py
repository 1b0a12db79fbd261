"""Do something now and then, however often there is an occasion."""

import time


class Throttle:
    """Gives a turn to something that shall happen at most once in so many seconds."""

    __slots__ = ("_due_at", "_seconds")

    def __init__(self, seconds: float) -> None:
        """Let it be due at once, and then again `seconds` after each time."""
        self._seconds = seconds
        self._due_at = 0.0

    def take_turn(self, now: float | None = None) -> bool:
        """Return whether it is due at `now` (default: `time.monotonic`); if so, the next pause begins."""
        if now is None:
            now = time.monotonic()
        if now < self._due_at:
            return False
        self._due_at = now + self._seconds
        return True
