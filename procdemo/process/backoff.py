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

    def begin_pause(self, started: float) -> bool:
        """Pause for 0.05 s to 2 s, because a process that was started then (`time.monotonic`) died early.

        Returns:
            whether a pause begins; False for the other deaths of the same round: one pause for all.
        """
        if started < self._began:
            return False
        self._began = time.monotonic()
        self.pause = min(max(2 * self.pause, _FIRST_S), _LONGEST_S)
        self.until = self._began + self.pause
        return True

    def reset(self, started: float) -> None:
        """Let the next pause be a short one, because a process that was started then works.

        One that was started before the last pause proves nothing, and is ignored.
        """
        if started >= self._began:
            self.pause = 0.0
