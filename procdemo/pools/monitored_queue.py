"""A `JoinableQueue` whose waiting can be seen, and whose items are accounted for.

The queue itself is multiprocessing's own, with its weaknesses: ``join()`` waits for ever when a
consumer dies between get() and task_done(), or when an item cannot be pickled (put() counts
it, the feeder thread drops it: python/cpython#79423); a consumer killed inside get() takes the
lock along. So `watch` looks on from outside, and the ledger knows each item.
"""

import pickle
import time
from collections.abc import Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkContext
from multiprocessing.process import BaseProcess
from queue import Empty, Full
from typing import Any, Protocol, cast

from procdemo.demo.events import Emitter
from procdemo.demo.states import Activity
from procdemo.pools.item_states import ItemState, ItemStates, in_rows
from procdemo.process.exit_status import cause

STORY = {
    "put.end": "was blocked for {ms:.0f} ms: the queue was full",
    "get.end": "waited {ms:.0f} ms: the queue was empty",
    "refused": "item {item} refused: {error}; put() would have counted it, and join() waited for ever",
    "died": "{child} (PID {child_pid}) was {cause}",
    "stuck": "nothing moves any more: ending the rest, and naming what is missing",
    "stopped early": "asked to stop: ending the rest, and naming what is missing",
}

LANES = {"put": Activity.BLOCKED, "get": Activity.BLOCKED, "joins": Activity.WAITS}
DEPTH = "in the queue"
"""Name of the counter of messages."""

_LOOK_S = 0.1  # how often `watch` looks at the ledger
_STUCK_S, _LAST_S = 1.0, 3.0  # after a death: give up when nothing moves for so long, or then at the latest


class MonitoredQueue:
    """A bounded queue for lists of items; goes to child processes as an argument.

    An item is a number from 0 (or of a subclass of int).
    """

    def __init__(self, context: ForkContext, maxsize: int, items: int, processes: int) -> None:
        """Make room for `maxsize` messages; account for `items` in the hands of `processes`."""
        self._queue = context.JoinableQueue(maxsize)
        self.maxsize = maxsize
        self.ledger = ItemStates(context, items)
        self.blocked_s = context.RawArray("d", processes)
        """Seconds that each process has spent in a put() or get() that could not go on."""
        self.join = self._queue.join
        self.task_done = self._queue.task_done

    def put(self, number: int, items: list[int], emit: Emitter, told: object) -> None:
        """Put `items` as one message, by process `number`; what cannot be pickled is refused by name."""
        try:
            message = pickle.dumps(items)  # here, where an error can be named; the queue carries bytes
        except (pickle.PicklingError, AttributeError, TypeError):
            message = pickle.dumps(items := [item for item in items if picklable(item, self.ledger, emit)])
        self.ledger.note(items, ItemState.QUEUED)
        before = time.monotonic()
        if told:
            try:
                self._queue.put_nowait(message)
            except Full:
                emit.begin("put")
                self._queue.put(message)
                emit.end("put", ms=(time.monotonic() - before) * 1e3)
            emit.count(DEPTH, self.depth() or 0)
        else:
            self._queue.put(message)
        self.blocked_s[number] += time.monotonic() - before

    def get(self, number: int, emit: Emitter, told: object) -> list[int]:
        """Take one message, by process `number`."""
        before = time.monotonic()
        if told:
            try:
                message = self._queue.get_nowait()
            except Empty:  # or another process is just taking one
                emit.begin("get")
                message = self._queue.get()
                emit.end("get", ms=(time.monotonic() - before) * 1e3)
            emit.count(DEPTH, self.depth() or 0)
        else:
            message = self._queue.get()
        self.blocked_s[number] += time.monotonic() - before
        items: list[int] = pickle.loads(message)  # noqa: S301 - written by put(), in our own process tree
        self.ledger.take(items, number)
        return items

    def depth(self) -> int | None:
        """Return how many messages are in the queue, roughly; None on macOS, which cannot tell."""
        try:
            return self._queue.qsize()
        except NotImplementedError:
            return None


class StateRecorder(Protocol):
    """A `ItemStates`, or what writes to one that is elsewhere."""

    def note(self, items: list[int], state: ItemState) -> None:
        """Write that `items` are now in `state`."""


def picklable(item: int, ledger: StateRecorder, emit: Emitter) -> bool:
    """Return whether `item` can travel; if not, it is refused by name."""
    try:
        pickle.dumps(item)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        ledger.note([item], ItemState.REFUSED)
        emit.mark("refused", item=int(item), error=str(error)[:200])
        return False
    return True


def join_or_give_up(
    joined: Sequence[BaseProcess],
    watched: Sequence[BaseProcess],
    queue: MonitoredQueue,
    total: int,
    emit: Emitter,
) -> bool:
    """Join the processes `joined`; once one of all has died, only while something still moves.

    Asked to stop, by Ctrl-C or the time limit, it gives up at once.

    Returns:
        whether all of `joined` have ended of their own accord, within 3 s after a first death.
    """
    try:
        return _join_or_give_up(joined, watched, queue, total, emit)
    except KeyboardInterrupt:
        emit.mark("stopped early")
        return False


def _join_or_give_up(
    joined: Sequence[BaseProcess],
    watched: Sequence[BaseProcess],
    queue: MonitoredQueue,
    total: int,
    emit: Emitter,
) -> bool:
    running = {process.sentinel: process for process in (*joined, *watched)}
    last, moved_at, died_at = b"", 0.0, float("inf")
    while any(process in joined for process in running.values()):
        for sentinel in wait(list(running), timeout=_LOOK_S):
            process = running.pop(cast("int", sentinel))
            process.join()
            if process.exitcode:
                died_at = min(died_at, time.monotonic())
                emit.mark("died", child=process.name, child_pid=process.pid, cause=cause(process.exitcode))
        now, snapshot = time.monotonic(), queue.ledger.snapshot()
        emit.count("items", snapshot.count(ItemState.DONE), total=total)
        if snapshot != last:
            last, moved_at = snapshot, now
        if now - max(died_at, moved_at) > _STUCK_S or now - died_at > _LAST_S:
            emit.mark("stuck")
            return False
    return died_at == float("inf")


def account(crew: Sequence[Any], queue: Any, emit: Emitter) -> int:
    """Name what each process did and which items are missing; return how many were made and lost.

    Args:
        crew: all processes, or what is in their place, in the order of their numbers; they must have ended.
        queue: their queue, or whatever else has a ``ledger`` and ``blocked_s``.
        emit: gets the results ``processes`` and ``missing``.
    """
    ledger: ItemStates = queue.ledger
    done, held = ledger.taken(ItemState.DONE), ledger.taken(ItemState.TAKEN)
    for number, process in enumerate(crew):
        waited_ms = round(queue.blocked_s[number] * 1e3)
        took = len(done.get(number, ())) or "-"
        emit.result("processes", name=process.name, pid=process.pid, done=took, waited_ms=waited_ms)
    fates: dict[str, list[int]] = {
        f"in the hands of {crew[number].name} (PID {crew[number].pid})": items
        for number, items in held.items()
    }
    fates["still in the queue"] = ledger.find(ItemState.QUEUED)
    fates["refused: cannot be pickled"] = ledger.find(ItemState.REFUSED)
    fates["never made"] = ledger.find(ItemState.UNMADE)
    for fate, missing in fates.items():
        for row in in_rows(missing):
            emit.result("missing", items=row, fate=fate)
    return sum(len(items) for items in held.values()) + ledger.count(ItemState.QUEUED)


def sum_up(
    crew: Sequence[Any], queue: Any, config: Any, *, in_peace: bool, seconds: float, emit: Emitter
) -> None:
    """Account for every item, and report the summary.

    Args:
        crew: the producers, then the consumers.
        queue: as in `account`.
        config: the settings ``items`` and ``producers``.
        in_peace: whether all producers have ended of their own accord, and nobody died.
        seconds: how long it took.
        emit: gets the results.
    """
    lost = account(crew, queue, emit)
    done, failed = queue.ledger.count(ItemState.DONE), queue.ledger.count(ItemState.REFUSED)
    put_s, get_s = sum(queue.blocked_s[: config.producers]), sum(queue.blocked_s[config.producers :])
    fates = {"produced": done + failed + lost, "done": done, "failed": failed, "lost": lost}
    slower = "consumers" if put_s > get_s else "producers"
    pace = {"put_s": put_s, "get_s": get_s, "slower": slower, "items_per_s": round(done / seconds)}
    emit.result("summary", ok=done == config.items and in_peace, **fates, **pace)
