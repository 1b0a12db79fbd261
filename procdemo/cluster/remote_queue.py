"""A `distributed.Queue` with what `multiprocessing.JoinableQueue` has and it has not: an end.

The queue itself is a list in the scheduler: put() and get() are questions to it over the network,
and wait there while it is full or empty. It knows no task_done() and no join(), so each message
put and acknowledged is noted, the main process counts, and an `Event` says that all are.

A task that is cancelled is not interrupted: its worker only writes down that nobody wants the
result any more. So whoever waits here looks, once a second, whether it is still wanted.
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
from procdemo.pools.monitored_queue import DEPTH, picklable

_LOOK = "1s"


class UnwantedError(Exception):
    """Nobody waits for this task any more: it was cancelled, or the main process has gone."""


class Notes(NamedTuple):
    """What a worker writes down for the main process, which keeps the states of all items."""

    wire: RemoteWriter
    number: int
    """Of the task that writes."""

    def send(self, what: str, *facts: Any) -> None:
        """Send a note; it cannot overtake another, or an event, of the same worker."""
        self.wire(("note", what, {"note": (what, self.number, *facts)}, 0, 0, 0, ""))

    def note(self, items: Iterable[int], state: ItemState) -> None:
        """As `ItemStates.note`."""
        self.send("note", [int(item) for item in items], int(state))


class RemoteQueue:
    """A bounded queue for lists of items; an argument of tasks, used like a `MonitoredQueue`."""

    def __init__(self, name: str, maxsize: int, notes: Notes) -> None:
        """Use the queue `name`, which the main process has made; tell it by `notes`."""
        self.name = name
        self.maxsize = maxsize
        self.states = notes

    def __getstate__(self) -> Any:
        return self.name, self.maxsize, self.states

    def __setstate__(self, state: Any) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def open(self) -> None:
        """Connect to it, in the worker."""
        self._queue = distributed.Queue(self.name, client=get_client(), maxsize=self.maxsize)
        self._all_done = Event(self.name, client=get_client())
        self._key = get_worker().get_current_task()

    def put(self, _number: int, items: list[int], emit: Emitter, told: object) -> None:
        """Put `items` as one message; what cannot be pickled is refused by name."""
        self._look()
        try:
            message = pickle.dumps(items)
        except (pickle.PicklingError, AttributeError, TypeError):
            message = pickle.dumps(items := [item for item in items if picklable(item, self.states, emit)])
        self.states.note(items, ItemState.QUEUED)
        before = time.monotonic()
        waits = told and self._queue.qsize() >= self.maxsize
        if waits:
            emit.begin("put")
        while True:
            try:
                self._queue.put(message, timeout=_LOOK)
                break
            except TimeoutError:
                self._look()
        ms = self._report("put", before, emit, told)
        if waits:
            emit.end("put", ms=ms)

    def get(self, _number: int, emit: Emitter, told: object) -> list[int]:
        """Take one message."""
        self._look()
        before = time.monotonic()
        waits = told and not self._queue.qsize()
        if waits:
            emit.begin("get")
        while True:
            try:
                message = self._queue.get(timeout=_LOOK)
                break
            except TimeoutError:
                self._look()
        items: list[int] = pickle.loads(message)  # noqa: S301 - whoever reaches the scheduler runs code anyway
        self.states.send("take", items)
        ms = self._report("get", before, emit, told)
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
            self._look()

    def depth(self) -> int:
        """Return how many messages are in the queue."""
        return int(self._queue.qsize())

    def _report(self, what: str, before: float, emit: Emitter, told: object) -> float:
        seconds = time.monotonic() - before
        self.states.send("blocked", what, seconds)
        if told:
            emit.count(DEPTH, self.depth())
        return seconds * 1e3

    def _look(self) -> None:
        """Raise `UnwantedError` if nobody waits for this task any more."""
        task = get_worker().state.tasks.get(self._key)
        if task is None or task.state in {"cancelled", "released", "forgotten"}:
            raise UnwantedError


def work(target: Any, number: int, queue: RemoteQueue, config: Any, wire: RemoteWriter) -> None:
    """Be ``Process(target, args=(number, queue, config, emit))`` in a worker, until done or unwanted."""
    distributed.secede()  # one who waits for another must not keep the thread that the other needs
    emit = Emitter(wire)
    queue.open()
    try:
        target(number, queue, config, emit)
    except UnwantedError:
        emit.mark("unwanted")
