"""The pause before a process that died soon after its start is replaced: it doubles each time."""

import time

_FIRST_S, _LONGEST_S = 0.05, 2.0


class Backoff:
    """The pause before the next start.

    All processes that were started between two pauses make one round: if a hundred of them die at
    once, the pause doubles once.
    """

    def __init__(self) -> None:
        self.pause = 0.0
        """Length in seconds of the present pause, or of the last one; 0 if the last start was a success."""
        self.until = 0.0
        """When the pause is over (`time.monotonic`)."""
        self._began = 0.0

    @property
    def over(self) -> bool:
        """Whether the pause is over, so that a process may be started now."""
        return time.monotonic() >= self.until

    def failed(self, born: float) -> bool:
        """Note that a process started at `born` (`time.monotonic`) died early; pause for 0.05 s to 2 s.

        Returns:
            whether a new pause begins; False if another process of the same round has failed before.
        """
        if born < self._began:
            return False
        self._began = time.monotonic()
        self.pause = min(max(2 * self.pause, _FIRST_S), _LONGEST_S)
        self.until = self._began + self.pause
        return True

    def worked(self, born: float) -> None:
        """Note that a process that was started at `born` works; one from before the pause proves nothing."""
        if born >= self._began:
            self.pause = 0.0
