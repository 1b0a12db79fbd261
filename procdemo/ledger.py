"""Where every item is: shared memory without a lock, so that no kill can lose the account.

Each item has one byte, written by whoever has the item in hand. It is the parent's evidence of
what a killed process was doing, at about 0.1 µs a note.
"""

from collections.abc import Sequence
from enum import IntEnum
from itertools import groupby
from multiprocessing.context import ForkContext


class State(IntEnum):
    """What has become of an item."""

    UNMADE = 0
    QUEUED = 1
    TAKEN = 2
    DONE = 3
    REFUSED = 4


class Ledger:
    """One state and one holder for each of `items` items, numbered from 0.

    Goes to child processes as an argument, under every start method.
    """

    def __init__(self, context: ForkContext, items: int) -> None:
        self._states = context.RawArray("B", items)
        self._holders = context.RawArray("H", items)

    def note(self, item: int, state: State, holder: int) -> None:
        """Write that `item` is now in `state`, by the hand of process number `holder`."""
        self._holders[item] = holder
        self._states[item] = state

    def count(self, state: State) -> int:
        """Return how many items are in `state`."""
        return self.snapshot().count(state)

    def snapshot(self) -> bytes:
        """Return all states, a byte for each item; two equal ones mean that nothing has moved."""
        return bytes(self._states)

    def find(self, state: State) -> dict[int, list[int]]:
        """Return the items in `state`, by holder."""
        found: dict[int, list[int]] = {}
        for item, at in enumerate(self.snapshot()):
            if at == state:
                found.setdefault(self._holders[item], []).append(item)
        return found

    def share(self, holder: int, state: State) -> int:
        """Return how many items are in `state` by the hand of `holder`."""
        return sum(at == state and by == holder for at, by in zip(self._states, self._holders, strict=True))


def ranges(items: Sequence[int]) -> str:
    """Return sorted numbers in short: ``0, 3-5, 9``."""
    runs = [[item for _, item in run] for _, run in groupby(enumerate(items), lambda pair: pair[1] - pair[0])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
