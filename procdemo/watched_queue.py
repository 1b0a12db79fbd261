"""A `JoinableQueue` whose waiting can be seen, and whose items are accounted for.

The queue itself is multiprocessing's own, with its weaknesses: ``join()`` waits for ever when a
consumer dies between get() and task_done(), or when an item cannot be pickled (put() counts
it, the feeder thread drops it: python/cpython#79423); a consumer killed inside get() takes the
lock along. So `watch` looks on from outside, and the ledger knows each item.
"""

import pickle
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkContext
from multiprocessing.process import BaseProcess
from queue import Empty, Full
from typing import Any

from procdemo.crew import cause
from procdemo.events import Emitter
from procdemo.ledger import Ledger, State

Item = tuple[int, Any]
"""A number from 0, and what it stands for."""

STORY = {
    "put.end": "was blocked for {ms:.0f} ms: the queue was full",
    "get.end": "waited {ms:.0f} ms: the queue was empty",
    "refused": "item {item} refused: {error}; put() would have counted it, and join() waited for ever",
    "died": "{child} (PID {child_pid}) was {cause}",
    "stuck": "nothing moves any more: ending the rest, and naming what is missing",
}

_LOOK_S = 0.1  # how often `watch` looks at the ledger
_STUCK_S, _LAST_S = 1.0, 3.0  # after a death: give up when nothing moves for so long, or then at the latest


class WatchedQueue:
    """A bounded queue for lists of items; goes to child processes as an argument."""

    def __init__(self, context: ForkContext, maxsize: int, items: int, processes: int) -> None:
        """Make room for `maxsize` messages; account for `items` in the hands of `processes`."""
        self._queue = context.JoinableQueue(maxsize)
        self.maxsize = maxsize
        self.ledger = Ledger(context, items)
        self.blocked_s = context.RawArray("d", processes)
        """Seconds that each process has spent in a put() or get() that could not go on."""
        self.join = self._queue.join
        self.task_done = self._queue.task_done

    def put(self, number: int, items: list[Item], emit: Emitter, told: object) -> None:
        """Put one message, by process `number`; items that cannot be pickled are refused by name."""
        message = [item for item in items if self._can_travel(number, item, emit)]
        for item, _ in message:
            self.ledger.note(item, State.QUEUED, number)
        try:
            self._queue.put_nowait(message)
        except Full:
            self._wait(number, "put", lambda: self._queue.put(message), emit if told else None)

    def get(self, number: int, emit: Emitter, told: object) -> list[Item]:
        """Take one message, by process `number`."""
        try:
            message = self._queue.get_nowait()
        except Empty:  # or another process is just taking one
            message = self._wait(number, "get", self._queue.get, emit if told else None)
        for item, _ in message:
            self.ledger.note(item, State.TAKEN, number)
        return list(message)

    def depth(self) -> int | None:
        """Return how many messages are in the queue, roughly; None on macOS, which cannot tell."""
        try:
            return self._queue.qsize()
        except NotImplementedError:
            return None

    def _can_travel(self, number: int, item: Item, emit: Emitter) -> bool:
        try:
            pickle.dumps(item)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            self.ledger.note(item[0], State.REFUSED, number)
            emit.mark("refused", item=item[0], error=str(error)[:200])
            return False
        return True

    def _wait(self, number: int, where: str, call: Callable[[], Any], emit: Emitter | None) -> Any:
        before = time.monotonic()
        if emit:
            emit.begin(where)
        result = call()
        seconds = time.monotonic() - before
        self.blocked_s[number] += seconds
        if emit:
            emit.end(where, ms=seconds * 1e3)
        return result


def join_or_give_up(
    joined: Sequence[BaseProcess],
    watched: Sequence[BaseProcess],
    queue: WatchedQueue,
    total: int,
    emit: Emitter,
) -> bool:
    """Join the processes `joined`; once one of all has died, only while something still moves.

    Returns:
        whether all of `joined` have ended of their own accord, within 3 s after a first death.
    """
    running = {process.sentinel: process for process in (*joined, *watched)}
    last, moved_at, died_at = b"", 0.0, float("inf")
    while any(process in joined for process in running.values()):
        for sentinel in wait(list(running), timeout=_LOOK_S):
            process = running.pop(sentinel)  # type: ignore[call-overload]  # all of these are integers
            process.join()
            if process.exitcode:
                died_at = min(died_at, time.monotonic())
                emit.mark("died", child=process.name, child_pid=process.pid, cause=cause(process.exitcode))
        now, snapshot = time.monotonic(), queue.ledger.snapshot()
        emit.count("items", snapshot.count(State.DONE), total=total)
        if snapshot != last:
            last, moved_at = snapshot, now
        if now - max(died_at, moved_at) > _STUCK_S or now - died_at > _LAST_S:
            emit.mark("stuck")
            return False
    return died_at == float("inf")
