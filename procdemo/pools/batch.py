"""Every item of a batch: whether it waits, how often it was tried, and what became of it."""

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from procdemo.demo.events import Emitter
from procdemo.pools.item_states import in_rows

STORY = {
    "again": "item {item} is tried again, try {attempt} of {tries}",
    "failed": "item {item} has failed: {reason}",
}
DETAIL = {"done": "item {item} is done"}
"""Sentences of a worklist; a pattern's STORY and DETAIL take them in."""

_DRAW_S = 0.05  # between two reports of progress


class Batch:
    """The items 0, 1, 2, ... of one run; all is noted here, in one process."""

    def __init__(self, items: int, tries: int, emit: Emitter) -> None:
        """Make `items` items wait; each that has cost `tries` workers their lives has failed."""
        self.waiting = deque(range(items))
        self.tried: dict[int, int] = {}
        """How many workers have died while they had the item in hand, for each that was so unlucky."""
        self._tries = tries
        self._emit = emit
        self._open = set(range(items))
        self._failed: dict[int, str] = {}
        self._items, self._retried, self._drawn = items, 0, 0.0

    @property
    def open(self) -> int:
        """How many items are neither done nor failed."""
        return len(self._open)

    def done(self, item: int) -> None:
        """Note that `item` is done; it counts once, whatever happens to whoever did it."""
        self._settle(item)
        self._emit.mark("done", item=item)

    def fail(self, item: int, reason: str) -> None:
        """Note that `item` cannot be done."""
        self._settle(item)
        self._failed[item] = reason
        self._emit.mark("failed", item=item, reason=reason)

    def retry_or_fail(self, item: int, cause: str, *, ran: bool) -> None:
        """Note that `item` was in the hands of a worker that died of `cause`; it waits, or has failed.

        Args:
            item: which.
            cause: what its worker died of.
            ran: whether the worker had begun with it: otherwise its death is not held against the item.
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
        now = time.monotonic()
        if now > self._drawn + _DRAW_S or not self._open:
            self._drawn = now
            self._emit.count("items", self._items - len(self._open), total=self._items)

    def account(self, in_hand: Mapping[int, str]) -> dict[str, Any]:
        """Name each item that is not done, by its fate; return how many there are of each kind.

        Args:
            in_hand: where those are that neither wait nor are settled.

        Returns:
            the data of a summary: ``ok``, ``produced``, ``done``, ``failed``, ``lost``, ``retried``.
        """
        fates: dict[str, list[int]] = {}
        for item in sorted(self._failed):
            fates.setdefault(f"failed: {self._failed[item]}", []).append(item)
        for item in sorted(self._open):
            fates.setdefault(in_hand.get(item, "waits to be done"), []).append(item)
        for fate, items in fates.items():
            for row in in_rows(items):
                self._emit.result("not done", items=row, fate=fate)
        failed, lost = len(self._failed), len(self._open)
        counts = {"done": self._items - failed - lost, "failed": failed, "lost": lost}
        return {"ok": not failed and not lost, "produced": self._items, **counts, "retried": self._retried}
