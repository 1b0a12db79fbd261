"""Whether something is faster than something else, if each was measured a few times."""

from collections.abc import Mapping, Sequence

GAIN = 1.3
"""It must be so many times as fast to be called faster."""

UNCLEAR = "the rounds differ too much, try again"
"""The verdict if some rounds say that it is faster, and others that it is not."""


def in_words(one: Sequence[float], others: Mapping[str, Sequence[float]]) -> str:
    """Return which of the `others` are faster than `one`, or `UNCLEAR`.

    What others do on the machine meanwhile makes some rounds longer. So the ranges count, not the medians: a
    way is faster if its slowest round was, and it is not if its fastest round was not.

    Args:
        one: seconds that each round took one way.
        others: the same for other ways, by their names in the plural.
    """
    faster = [name for name, rounds in others.items() if min(one) > GAIN * max(rounds)]
    as_fast = [name for name, rounds in others.items() if max(one) <= GAIN * min(rounds)]
    if len(faster) + len(as_fast) < len(others):
        return UNCLEAR
    return f"{' and '.join(faster)} are faster" if faster else f"neither {' nor '.join(as_fast)} are faster"
