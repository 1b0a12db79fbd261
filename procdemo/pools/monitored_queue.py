"""A `JoinableQueue` that shows when a process waits for it, and that accounts for its items.

The queue itself is multiprocessing's own, with its weaknesses. ``join()`` waits for ever when a
consumer dies between get() and task_done(), or when an item cannot be pickled (put() counts
it, the feeder thread drops it: python/cpython#79423). A consumer that is killed inside get() still
holds the lock. So the main process watches from outside, and `ItemStates` has the state of each item.
"""

import math
import pickle
import time
from collections.abc import Sequence
from multiprocessing.context import ForkContext
from multiprocessing.process import BaseProcess
from queue import Empty
from typing import Any, NamedTuple, Protocol

from procdemo.demo.events import SUMMARY, Emitter
from procdemo.demo.states import Activity
from procdemo.pools.item_states import ItemState, ItemStates, in_rows, interrupted_summary
from procdemo.process import exit_status
from procdemo.process.children import Child, Children
from procdemo.process.exit_status import Exit, report_exit
from procdemo.process.selector_loop import SelectorLoop

BLOCKS = (exit_status,)
STORY = {
    "put.end": "was blocked for {ms:.0f} ms: the queue was full",
    "get.end": "waited {ms:.0f} ms: the queue was empty",
    "refused": "item {item} refused: {error}; put() would have counted it, and join() waited for ever",
    "stuck": "nothing moves any more: ending the rest, and naming what is missing",
    "stopped early": "asked to stop: ending the rest, and naming what is not done",
}

LANES = {"put": Activity.BLOCKED, "get": Activity.BLOCKED, "joins": Activity.WAITS}
REASONS = {
    "put": "in put(): the queue is full",
    "get": "in get(): the queue is empty",
    "joins": "in join(): not all items are acknowledged",
}
DEPTH = "in the queue"
"""Name of the counter of messages."""

_QUEUED = ItemState.QUEUED
_LOOK_S = 0.1  # how often the main process looks at the states
_STUCK_S = 1.0  # after a death: how long nothing may move before the main process gives up
_LAST_S = 3.0  # after a death: when it gives up at the latest


class MonitoredQueue:
    """A bounded queue for lists of items; goes to child processes as an argument.

    An item is a number from 0, of int or a subclass. The room in the queue is a semaphore, as it is within
    `JoinableQueue`. It is taken here, before put(), so that a put can be reported just before a consumer can
    take the message, and so that nothing is taken before it was put.
    """

    def __init__(self, context: ForkContext, maxsize: int, items: int, processes: int) -> None:
        """Make room for `maxsize` messages; account for `items` items and `processes` processes."""
        self._queue = context.JoinableQueue()
        self._room = context.Semaphore(maxsize)
        self.maxsize = maxsize
        self.states = ItemStates(context, items)
        self._shared = context.RawArray("d", processes), context.RawArray("q", processes)
        self._open()

    def _open(self) -> None:
        blocked_s, moved = self._shared
        # A memoryview is written to twice as fast as the array itself.
        self.blocked_s = memoryview(blocked_s).cast("B").cast("d")
        """Seconds that each process has spent waiting for room, or for a message."""
        self._moved = memoryview(moved).cast("B").cast("q")  # put by each producer, -taken by each consumer
        self.join = self._queue.join
        self.task_done = self._queue.task_done
        self.release_room = self._room.release
        """Give back the room of the message that was taken last."""

    def __getstate__(self) -> Any:
        return self._queue, self._room, self.maxsize, self.states, self._shared

    def __setstate__(self, state: Any) -> None:
        self._queue, self._room, self.maxsize, self.states, self._shared = state
        self._open()

    def wait_for_room(self, number: int, emit: Emitter, tell: object) -> None:
        """Wait until the queue has room for one more message, and keep that room for the next `put`.

        Args:
            number: of the calling process, as in `blocked_s`.
            emit: where to report.
            tell: whether to report a wait, and the depth of the queue with the message that is put next.
        """
        if not self._room.acquire(False):
            before = time.monotonic()
            if tell:
                emit.begin("put")
            self._room.acquire()
            blocked_s = time.monotonic() - before
            self.blocked_s[number] += blocked_s
            if tell:
                emit.end("put", ms=blocked_s * 1e3)
        self._moved[number] += 1
        if tell:
            emit.count(DEPTH, self.depth())

    def put(self, items: list[int], emit: Emitter) -> None:
        """Put `items` as one message; an item that cannot be pickled is left out, and named.

        There must be room: call `wait_for_room` before.
        """
        if set(map(type, items)) != {int}:  # an int can be pickled; try others here, where an error is named
            items = [item for item in items if accept_or_refuse_item(item, self.states, emit)]
        self.states.note(items, _QUEUED)
        self._queue.put(items)

    def get(self, number: int, emit: Emitter, tell: object) -> list[int]:
        """Take one message, and return its items; the arguments are those of `wait_for_room`.

        The room stays taken until `release_room`. So a take can be reported before the put that it makes room
        for.
        """
        items: list[int]
        before = time.monotonic()
        if tell:
            try:
                items = self._queue.get_nowait()
            except Empty:  # or another process is just taking one
                emit.begin("get")
                items = self._queue.get()
                emit.end("get", ms=(time.monotonic() - before) * 1e3)
        else:
            items = self._queue.get()
        self.blocked_s[number] += time.monotonic() - before
        self._moved[number] -= 1
        if tell:
            emit.count(DEPTH, self.depth())
        self.states.take(items, number)
        return items

    def depth(self) -> int:
        """Return how many messages are in the queue: put and not taken, by the account."""
        return sum(self._moved)


class StateRecorder(Protocol):
    """An `ItemStates`, or an object that writes to one on another host."""

    def note(self, items: list[int], state: ItemState) -> None:
        """Write that `items` are now in `state`."""


def accept_or_refuse_item(item: int, states: StateRecorder, emit: Emitter) -> bool:
    """Return True if `item` can be pickled; otherwise note and report that it is refused."""
    try:
        pickle.dumps(item)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        states.note([item], ItemState.REFUSED)
        emit.mark("refused", item=int(item), error=str(error))
        return False
    return True


class Ending(NamedTuple):
    """How it came that the main process waits no longer for the producers."""

    complete: bool
    """Whether all producers have ended, and no process has died."""
    interrupted: bool = False
    """Whether it was asked to stop, by a signal or the time limit."""
    died: frozenset[int] = frozenset()
    """The PIDs of the processes that had died before: what they had in hand is lost."""


class QueueProcesses:
    """The processes that use a `MonitoredQueue`: starts them, and reports the end of each."""

    def __init__(self, queue: MonitoredQueue, total: int, emit: Emitter) -> None:
        """Watch the states of the `total` items of `queue`."""
        self._queue, self._total, self._emit = queue, total, emit
        self._loop = SelectorLoop()
        self._children = Children(self._loop, self._on_exit)
        self._running: set[int] = set()  # PIDs
        self._died_at = math.inf  # the first of them
        self._died: set[int] = set()  # PIDs

    def start(self, process: BaseProcess) -> Child:
        """Start `process`, and watch it."""
        child = self._children.start(process)
        self._running.add(child.pid)
        return child

    def _on_exit(self, exited: Exit) -> None:
        report_exit(self._emit, exited)
        self._running.discard(exited.pid)
        if exited.exitcode and not exited.by:
            self._died_at = min(self._died_at, time.monotonic())
            self._died.add(exited.pid)

    def join_or_give_up(self, producers: Sequence[Child]) -> Ending:
        """Wait for the end of `producers`; once a process has died, only while some item still moves.

        If asked to stop, by Ctrl-C or the time limit, give up at once.
        """
        states, last, moved_at = self._queue.states, b"", 0.0
        try:
            while any(producer.pid in self._running for producer in producers):
                self._loop.run_once(_LOOK_S)
                now, snapshot = time.monotonic(), states.snapshot()
                self._emit.count("items", snapshot.count(ItemState.DONE), total=self._total)
                if snapshot != last:
                    last, moved_at = snapshot, now
                if now - max(self._died_at, moved_at) > _STUCK_S or now - self._died_at > _LAST_S:
                    self._emit.mark("stuck")
                    return Ending(complete=False)
        except KeyboardInterrupt:
            self._emit.mark("stopped early")
            return Ending(complete=False, interrupted=True, died=frozenset(self._died))
        return Ending(complete=not self._died)

    def kill_all(self) -> None:
        """Kill the processes that are still there, and join them."""
        self._children.kill_all()


def account(processes: Sequence[Any], queue: Any, emit: Emitter) -> dict[int, list[int]]:
    """Name what each process did and which items are missing.

    Args:
        processes: each has ``name`` and ``pid``, in the order of their numbers; they must have ended.
        queue: their queue, or something else that has ``states`` and ``blocked_s``.
        emit: gets the results ``processes`` and ``missing``.

    Returns:
        the items that were made and are not done: by the number of the process that has them in hand,
        and under -1 those in the queue.
    """
    states: ItemStates = queue.states
    done, held = states.by_holder(ItemState.DONE), states.by_holder(ItemState.TAKEN)
    for number, process in enumerate(processes):
        waited_ms = round(queue.blocked_s[number] * 1e3)
        took = len(done.get(number, ())) or "-"
        emit.result("processes", name=process.name, pid=process.pid, done=took, waited_ms=waited_ms)
    fates: dict[str, list[int]] = {
        f"in the hands of {processes[number].name} (PID {processes[number].pid})": items
        for number, items in held.items()
    }
    queued = fates["still in the queue"] = states.find(ItemState.QUEUED)
    fates["refused: cannot be pickled"] = states.find(ItemState.REFUSED)
    fates["never made"] = states.find(ItemState.UNMADE)
    for fate, missing in fates.items():
        for row in in_rows(missing):
            emit.result("missing", items=row, fate=fate)
    return {**held, -1: queued}


def sum_up(
    processes: Sequence[Any], queue: Any, config: Any, *, ending: Ending, seconds: float, emit: Emitter
) -> None:
    """Account for every item, and report the summary.

    Args:
        processes: the producers, then the consumers; as in `account`.
        queue: as in `account`.
        config: the settings ``items`` and ``producers``.
        ending: why the producers are not waited for any longer.
        seconds: how long it took.
        emit: gets the results.
    """
    left = account(processes, queue, emit)
    done, failed = queue.states.count(ItemState.DONE), queue.states.count(ItemState.REFUSED)
    put_s, get_s = sum(queue.blocked_s[: config.producers]), sum(queue.blocked_s[config.producers :])
    lost = unfinished = sum(map(len, left.values()))
    fates = {"produced": done + failed + lost, "done": done, "failed": failed}
    slower = "consumers" if put_s > get_s else "producers"
    pace = {"put_s": put_s, "get_s": get_s, "slower": slower, "items_per_s": round(done / seconds)}
    if ending.interrupted:  # only what a dead process had in hand is lost; the rest was not waited for
        lost = sum(len(items) for number, items in left.items() if _has_died(processes, number, ending))
        fates |= {"lost": lost, "unfinished": unfinished - lost}
        emit.result(SUMMARY, **interrupted_summary(config.items, **fates), **pace)
        return
    why, missing = {}, config.items - done
    if lost and getattr(config, "ack", "") == "early" and not ending.died:
        why = {"answer": f"{lost} items are lost: join() came back before the work was done."}
    elif missing:
        why = {"answer": f"{missing} of {config.items} items are not done: {lost} lost, {failed} failed."}
    emit.result(SUMMARY, ok=done == config.items and ending.complete, **why, **fates, lost=lost, **pace)


def _has_died(processes: Sequence[Any], number: int, ending: Ending) -> bool:
    """Return whether process `number` had died before the run was asked to stop; -1 is the queue."""
    return number >= 0 and processes[number].pid in ending.died
