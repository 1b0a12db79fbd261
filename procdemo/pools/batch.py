"""The items of a batch: which wait, how often each was tried, and what became of it."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from procdemo.demo.events import Emitter
from procdemo.pools.item_states import in_rows, interrupted_summary
from procdemo.process.throttle import Throttle

STORY = {
    "again": "item {item} is tried again, try {attempt} of {tries}",
    "failed": "item {item} has failed: {reason}",
}
DETAIL = {"done": "item {item} is done"}
"""Sentences of a batch."""

_PROGRESS_S = 0.05  # between two reports of progress


class Batch:
    """The items 0, 1, 2, ... of one run, in the process that gives them to workers."""

    def __init__(self, items: int, tries: int, emit: Emitter) -> None:
        """Make `items` items wait; an item fails once `tries` workers have died of it."""
        self.waiting = deque(range(items))
        self.tried: dict[int, int] = {}
        """By item: how many workers have died while they worked on it."""
        self._tries = tries
        self._emit = emit
        self._open = set(range(items))
        self._failed: dict[int, str] = {}
        self._items, self._retried = items, 0
        self._progress = Throttle(_PROGRESS_S)

    @property
    def open(self) -> int:
        """How many items are neither done nor failed."""
        return len(self._open)

    def complete(self, item: int) -> None:
        """Note that `item` is done; it counts once, whatever happens to its worker."""
        self._settle(item)
        self._emit.mark("done", item=item)

    def fail(self, item: int, reason: str) -> None:
        """Note that `item` cannot be done."""
        self._settle(item)
        self._failed[item] = reason
        self._emit.mark("failed", item=item, reason=reason)

    def retry_or_fail(self, item: int, cause: str, *, ran: bool) -> None:
        """Note that the worker of `item` has died; let the item wait again, or fail.

        Args:
            item: which.
            cause: what its worker died of.
            ran: whether the worker had begun with it; if not, its death does not count against the item.
        """
        tried = self.tried[item] = self.tried.get(item, 0) + ran
        if tried >= self._tries:
            times = f", and {tried - 1} before it" if tried > 1 else ""
            self.fail(item, f"its worker died, {cause}{times}")
            return
        self._retried += 1
        self.waiting.append(item)  # at the end: others first
        self._emit.mark("again", item=item, attempt=tried + 1, tries=self._tries)

    def _settle(self, item: int) -> None:
        self._open.remove(item)
        if self._progress.take_turn() or not self._open:
            self._emit.count("items", self._items - len(self._open), total=self._items)

    def account(self, in_hand: Mapping[int, str], *, interrupted: bool = False) -> dict[str, Any]:
        """Name each item that is not done, by its fate.

        Args:
            in_hand: which worker has an item, in words, for the items that a worker has.
            interrupted: whether the run was asked to stop: then what is open is not lost, but unfinished.

        Returns:
            the data of a summary, ``ok`` and how many items have each fate: ``produced``, ``done``,
            ``failed``, ``lost``, ``retried``; if interrupted, also ``unfinished``, and why it is not ok.
        """
        fates: dict[str, list[int]] = {}
        for item in sorted(self._failed):
            fates.setdefault(f"failed: {self._failed[item]}", []).append(item)
        for item in sorted(self._open):
            fates.setdefault(in_hand.get(item, "waits to be done"), []).append(item)
        for fate, items in fates.items():
            for row in in_rows(items):
                self._emit.result("not done", items=row, fate=fate)
        failed, left = len(self._failed), len(self._open)
        done, lost = self._items - failed - left, 0 if interrupted else left
        counts = {"produced": self._items, "done": done, "failed": failed, "lost": lost}
        counts["retried"] = self._retried
        if interrupted and left:
            return interrupted_summary(self._items, **counts, unfinished=left)
        answer = f"{failed + lost} of {self._items} items are not done: {lost} lost, {failed} failed."
        return {"ok": not failed and not lost, **counts, **({"answer": answer} if failed or lost else {})}
