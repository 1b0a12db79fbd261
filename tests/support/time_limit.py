"""Time limits of tests that are fair on a busy machine.

A limit in a test is a promise of the product (it ends within 2 s) or the mark of a hang. Other programs may
use the CPUs at the same time: then the product needs longer through no fault of its own. So a limit that has
passed is stretched by the slowness of the machine, which a busy loop measures at that moment; and the message
of a failure says both. A pause of the whole machine is over when it could be measured: it is seen as a gap
between two looks of a loop that waits.
"""

import time

_LOOP_S = 0.05  # CPU seconds of one measurement
_NOTABLE = 1.05
_GAP_S = 0.25  # a loop that waits looks each few milliseconds
_MOST = 8.0  # a machine that is slower than this cannot be told from a hang


def slowness() -> float:
    """Return how long a computation takes now, in multiples of its CPU time: 1.0 on an idle machine."""
    begin, cpu = time.monotonic(), time.thread_time()
    while (spent := time.thread_time() - cpu) < _LOOP_S:
        pass
    return min(max((time.monotonic() - begin) / spent, 1.0), _MOST)


class TimeLimit:
    """So many seconds from now on, or from `since`; more if the machine is slow."""

    def __init__(self, seconds: float, since: float | None = None) -> None:
        """Start; `since` is `time.monotonic`."""
        self.seconds = seconds
        self._since = time.monotonic() if since is None else since
        self._slowness = 1.0
        self._looked = float("inf")

    @property
    def left(self) -> float:
        """Seconds until the limit has passed, as far as is known now; 0 if it has."""
        return max(self._since + self.seconds * self._slowness - time.monotonic(), 0.0)

    @property
    def look_s(self) -> float:
        """Seconds to wait before the next look: until the limit, but not so long that it seems a gap."""
        return min(max(self.left, 0.001), 0.1)

    @property
    def passed(self) -> bool:
        """Whether the limit has passed; only then the slowness is measured.

        A gap since the last look does not count: we did not run, and the product perhaps neither.
        """
        self._since += max(time.monotonic() - self._looked - _GAP_S, 0.0)
        if passed := self.left <= 0:
            self._slowness = max(self._slowness, slowness())
            passed = self.left <= 0
        self._looked = time.monotonic()
        return passed

    def __str__(self) -> str:
        if self._slowness < _NOTABLE:
            return f"{self.seconds:g} s"
        stretched = self.seconds * self._slowness
        return f"{self.seconds:g} s, stretched to {stretched:.1f} s: {self._slowness:.1f} times slow"
