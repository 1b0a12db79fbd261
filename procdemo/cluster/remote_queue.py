"""A `distributed.Queue` with the join() of a `multiprocessing.JoinableQueue`.

The queue itself is a list in the scheduler: put() and get() are requests to the scheduler over the network,
and wait there while the queue is full or empty. It has no task_done() and no join(). So each message that is
put or acknowledged is noted, the main process counts the notes, and sets an `Event` when all is acknowledged.

dask does not interrupt a task that is cancelled: the worker only records that the result is not wanted any
more. So a task that waits here looks once a second whether its result is still wanted.
"""

import pickle
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import distributed
from distributed import Event, get_client, get_worker

from procdemo.cluster.remote import RemoteWriter
from procdemo.demo.events import Emitter
from procdemo.pools.item_states import ItemState
from procdemo.pools.monitored_queue import DEPTH, accept_or_refuse_item

_LOOK = "1s"  # between two looks whether the task is still wanted


class UnwantedError(Exception):
    """The result of this task is not wanted any more: it was cancelled, or the main process has ended."""


class Notes(NamedTuple):
    """Writes to the `ItemStates` of the main process, by messages; has its method `note`."""

    writer: RemoteWriter
    number: int
    """The number of the task that writes."""

    def send(self, what: str, *facts: Any) -> None:
        """Send a note; notes and events of one worker arrive in the order in which they were sent."""
        self.writer(("note", what, {"note": (what, self.number, *facts)}, 0, 0, 0, ""))

    def note(self, items: Iterable[int], state: ItemState) -> None:
        """As `ItemStates.note`."""
        self.send("note", [int(item) for item in items], int(state))


class RemoteQueue:
    """A bounded queue for lists of items; an argument of tasks, used like a `MonitoredQueue`."""

    def __init__(self, name: str, maxsize: int, notes: Notes) -> None:
        """Use the queue `name`, which the main process has made; report its use with `notes`."""
        self.name = name
        self.maxsize = maxsize
        self.states = notes

    def __getstate__(self) -> Any:
        return self.name, self.maxsize, self.states

    def __setstate__(self, state: Any) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def open(self) -> None:
        """Connect to the queue; called in the worker."""
        self._queue = distributed.Queue(self.name, client=get_client(), maxsize=self.maxsize)
        self._all_done = Event(self.name, client=get_client())
        self._key = get_worker().get_current_task()

    def wait_for_room(self, _number: int, _emit: Emitter, tell: object) -> None:
        """Note whether to `tell` of the next `put`, which waits for room itself."""
        self._tell = tell

    def release_room(self) -> None:
        """Do nothing: `get` has given back the room."""

    def put(self, items: list[int], emit: Emitter) -> None:
        """Put `items` as one message; an item that cannot be pickled is left out, and named."""
        tell = self._tell
        self._raise_if_unwanted()
        try:
            message = pickle.dumps(items)
        except (pickle.PicklingError, AttributeError, TypeError):
            items = [item for item in items if accept_or_refuse_item(item, self.states, emit)]
            message = pickle.dumps(items)
        self.states.note(items, ItemState.QUEUED)
        before = time.monotonic()
        waits = tell and self._queue.qsize() >= self.maxsize
        if waits:
            emit.begin("put")
        while True:
            try:
                self._queue.put(message, timeout=_LOOK)
                break
            except TimeoutError:
                self._raise_if_unwanted()
        ms = self._count_wait("put", before, emit, tell)
        if waits:
            emit.end("put", ms=ms)

    def get(self, _number: int, emit: Emitter, tell: object) -> list[int]:
        """Take one message, and return its items."""
        self._raise_if_unwanted()
        before = time.monotonic()
        waits = tell and not self._queue.qsize()
        if waits:
            emit.begin("get")
        while True:
            try:
                message = self._queue.get(timeout=_LOOK)
                break
            except TimeoutError:
                self._raise_if_unwanted()
        items: list[int] = pickle.loads(message)  # noqa: S301 - all that can reach the scheduler can run code
        self.states.send("take", items)
        ms = self._count_wait("get", before, emit, tell)
        if waits:
            emit.end("get", ms=ms)
        return items

    def task_done(self) -> None:
        """Acknowledge a message."""
        self.states.send("acknowledged")

    def join(self) -> None:
        """Wait until every message of all producers is acknowledged."""
        self.states.send("joins")
        while not self._all_done.wait(timeout=_LOOK):
            self._raise_if_unwanted()

    def depth(self) -> int:
        """Return how many messages are in the queue with one that is put just now, roughly."""
        return min(int(self._queue.qsize()) + 1, self.maxsize)

    def _count_wait(self, what: str, before: float, emit: Emitter, tell: object) -> float:
        seconds = time.monotonic() - before
        self.states.send("blocked", what, seconds)
        if tell:
            emit.count(DEPTH, int(self._queue.qsize()))
        return seconds * 1e3

    def _raise_if_unwanted(self) -> None:
        task = get_worker().state.tasks.get(self._key)
        if task is None or task.state in {"cancelled", "released", "forgotten"}:
            raise UnwantedError


def work(target: Any, number: int, queue: RemoteQueue, config: Any, writer: RemoteWriter) -> None:
    """Call ``target(number, queue, config, emit)`` in a worker, until it is done or not wanted any more."""
    distributed.secede()  # gives back the worker's thread: a task that waits for another must not occupy it
    emit = Emitter(writer)
    queue.open()
    try:
        target(number, queue, config, emit)
    except UnwantedError:
        emit.mark("unwanted")
