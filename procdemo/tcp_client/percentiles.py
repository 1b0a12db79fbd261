"""Percentiles of any number of durations, in bounded memory."""

import math
import random
from array import array

_KEPT = 100_000


class LatencyReservoir:
    """Durations: up to 100,000 are kept; of more, a random sample in which each has the same chance.

    Vitter, "Random Sampling with a Reservoir", 1985, algorithm R.
    """

    def __init__(self) -> None:
        self._kept = array("d")
        self._seen = 0

    def add(self, seconds: float) -> None:
        """Add one duration."""
        self._seen += 1
        if self._seen <= _KEPT:
            self._kept.append(seconds)
        elif (place := int(random.random() * self._seen)) < _KEPT:  # noqa: S311 - no secret
            self._kept[place] = seconds

    def percentile_ms(self, percent: float) -> float | None:
        """Return the ms that `percent` of all do not exceed (nearest rank); None if there are none."""
        ordered = sorted(self._kept)
        if not ordered:
            return None
        return round(ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)] * 1e3, 3)
