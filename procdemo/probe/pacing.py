"""How often to look, so that looking costs little."""

import time

_LOOK_S = 0.02
_FIRST_LOOK_S = 0.01
_FIRST_S = 1.0  # how long it is looked at more often at first, because much happens then
_COLUMNS = 200  # a pause may grow to this part of the run's time: lanes have about so many columns
_SHARE = 0.026  # of one CPU: with what comes around a look, less than 3 %
_LONGEST_S = 2.0
_GOLDEN = 0.618034  # its multiples, without the whole part, fill the interval from 0 to 1 evenly
_FEW = 16  # threads
_REPORTED = 100  # threads that are reported every second


class Pacing:
    """When the next look is due, and how thorough it is."""

    def __init__(self) -> None:
        """Begin now."""
        self._begin = self.due_at = time.monotonic()
        self.share = _SHARE
        """What looks may take of one CPU; less if the caller does other things besides."""
        self.slowest_s = _LOOK_S
        """The longest usual pause in seconds: up to that, pauses grow with the run."""
        self._looks = 0
        self.stat_every = 1
        """A thread without a turn on a CPU is looked at more closely every so many looks."""
        self.report_every_ns = 0
        """After so long a state that lasts is reported again."""
        self._most_skipped = 0
        self.note(self._begin, 0, 0)

    def note(self, now: float, cpu_ns: int, threads: int) -> None:
        """Take when a look has ended (`time.monotonic`), what it has cost, and how many threads there are."""
        self._looks += 1
        elapsed = now - self._begin
        later = min(max(elapsed / _COLUMNS, _LOOK_S), self.slowest_s)
        usual = _FIRST_LOOK_S if elapsed < _FIRST_S else later
        pause = min(max(usual, cpu_ns / 1e9 / self.share), _LONGEST_S)
        # A quarter more or less: a program that does something 50 times a second is not always seen at it.
        self.due_at = now + pause * (0.75 + 0.5 * (self._looks * _GOLDEN % 1))
        self.stat_every = 4 if threads <= _FEW else 8
        self.report_every_ns = int(8e8 * max(1, threads / _REPORTED))
        self._most_skipped = min(threads // 32, 8)

    def skipped(self, unchanged: int) -> int:
        """Return for how many looks a thread may be left out that has waited for `unchanged` looks."""
        return min(unchanged // 4, self._most_skipped)
