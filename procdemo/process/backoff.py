"""Start again what died young, but not at once: a pause that doubles, until something goes well."""

import time

_FIRST_S, _LONGEST_S = 0.05, 2.0


class Backoff:
    """The pause before the next start.

    All that was started between two pauses makes one round: should a hundred processes die at
    once, the pause doubles once.
    """

    def __init__(self) -> None:
        self.pause = 0.0
        """Seconds that the present pause lasts, or the last one did; 0 when all is well."""
        self.until = 0.0
        """When it is over (`time.monotonic`)."""
        self._began = 0.0

    @property
    def over(self) -> bool:
        """Whether something may be started now."""
        return time.monotonic() >= self.until

    def failed(self, born: float) -> bool:
        """Note that what was started at `born` (`time.monotonic`) died young; pause, 0.05 s to 2 s.

        Returns:
            whether a new pause begins; False for another one of a round that has failed already.
        """
        if born < self._began:
            return False
        self._began = time.monotonic()
        self.pause = min(max(2 * self.pause, _FIRST_S), _LONGEST_S)
        self.until = self._began + self.pause
        return True

    def worked(self, born: float) -> None:
        """Note that what was started at `born` is of use; what was there before the pause proves nothing."""
        if born >= self._began:
            self.pause = 0.0
