"""The state of every item, in shared memory without a lock: if a process is killed, nothing is lost.

Each item has one byte, which the process that has the item in hand writes. So the parent knows what
a killed process was doing, at about 0.03 µs a note.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import groupby
from multiprocessing.context import ForkContext
from typing import Any

from procdemo.demo.events import INTERRUPTED


class ItemState(IntEnum):
    """What has become of an item."""

    UNMADE = 0
    QUEUED = 1
    TAKEN = 2
    DONE = 3
    REFUSED = 4


_TAKEN = ItemState.TAKEN  # to look it up in its class takes as long as the note itself


class ItemStates:
    """One state and one holder for each of `items` items, numbered from 0.

    It can be an argument of a child process, under every start method.
    """

    def __init__(self, context: ForkContext, items: int) -> None:
        self._shared = context.RawArray("B", items), context.RawArray("H", items)
        self._open()

    @property
    def items(self) -> int:
        """How many items there are."""
        return len(self._states)

    def _open(self) -> None:
        states, holders = self._shared
        # A memoryview is written to twice as fast as the array itself.
        self._states = memoryview(states).cast("B")
        self._holders = memoryview(holders).cast("B").cast("H")

    def __getstate__(self) -> Any:
        return self._shared

    def __setstate__(self, shared: Any) -> None:
        self._shared = shared
        self._open()

    def note(self, items: Iterable[int], state: ItemState) -> None:
        """Write that `items` are now in `state`."""
        states = self._states
        for item in items:
            states[item] = state

    def take(self, items: Iterable[int], holder: int) -> None:
        """Write that process number `holder` has `items` in hand now."""
        states, holders = self._states, self._holders
        for item in items:
            holders[item] = holder
            states[item] = _TAKEN

    def state(self, item: int) -> int:
        """Return what has become of `item`."""
        return self._states[item]

    def snapshot(self) -> bytes:
        """Return all states, a byte for each item; if two snapshots are equal, nothing has moved."""
        return bytes(self._states)

    def count(self, state: ItemState) -> int:
        """Return how many items are in `state`."""
        return self.snapshot().count(state)

    def find(self, state: ItemState) -> list[int]:
        """Return the items in `state`."""
        return [item for item, at in enumerate(self._states) if at == state]

    def by_holder(self, state: ItemState) -> dict[int, list[int]]:
        """Return the items in `state`, by the number of the process that took them last."""
        found: dict[int, list[int]] = {}
        for item in self.find(state):
            found.setdefault(self._holders[item], []).append(item)
        return found


def ranges(items: Sequence[int]) -> str:
    """Return sorted numbers in short: ``0, 3-5, 9``."""
    runs = [[item for _, item in run] for _, run in groupby(enumerate(items), lambda pair: pair[1] - pair[0])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def in_rows(items: Sequence[int], runs: int = 50) -> Iterator[str]:
    """Yield `ranges` of `items` in pieces that fit into an event, each of at most `runs` runs."""
    found = ranges(items).split(", ") if items else []
    for start in range(0, len(found), runs):
        yield ", ".join(found[start : start + runs])


def interrupted_summary(wanted: int, *, done: int, **counts: int) -> dict[str, Any]:
    """Return the data of the summary of a run that was asked to stop before all its items were done.

    Args:
        wanted: how many items the run was to do.
        done: how many it has done.
        counts: how many items have each other fate; those that are ``failed`` and ``lost`` are named.
    """
    also = "".join(f", {counts[fate]} {fate}" for fate in ("failed", "lost") if counts.get(fate))
    reason = f"{INTERRUPTED}: {done} of {wanted} done{also}"
    return {"ok": False, "outcome": INTERRUPTED, "reason": reason, "done": done, **counts}
