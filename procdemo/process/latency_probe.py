"""A thread that wants to run a hundred times a second, and measures its delay.

It does next to nothing. So if it is late, another thread had the GIL, or the machine had no CPU free.
"""

import threading
import time
from types import TracebackType
from typing import Self

PERIOD_S = 0.01
_LEVELS = " .:-=+*#%@"


class LatencyProbe:
    """Ticks while a block of code runs; afterwards `late_s` has the delay of each tick in seconds."""

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="ticker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _tick(self) -> None:
        while True:
            due = time.monotonic() + PERIOD_S
            if self._stop.wait(PERIOD_S):
                return
            self.late_s.append(time.monotonic() - due)

    def worst_ms(self) -> int:
        """Return the longest delay, in milliseconds."""
        return round(max(self.late_s, default=0.0) * 1000)

    def drawn(self, width: int = 20) -> str:
        """Return the delays over time as `width` characters: blank is in time, ``@`` 100 ms and more."""
        per_column = -(-len(self.late_s) // width) or 1
        columns = [max(self.late_s[i : i + per_column]) for i in range(0, len(self.late_s), per_column)]
        return "".join(_LEVELS[min(int(late * 90), 9)] for late in columns)
