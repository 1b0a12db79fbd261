"""Producers, a bounded queue and consumers on many hosts, and an account of every item.

Two lines differ from `multiprocessing`, apart from the account:

    queue = JoinableQueue(maxsize)
    Process(target=produce, args=(number, queue, config, emit)).start()

    queue = distributed.Queue(maxsize=maxsize)
    executor.submit(produce, number, queue, config, emit)

Each task is bound to a worker, and not begun again when that is lost: another run of a producer
would make the same items once more. So a loss is what it is on one machine: named, with every item.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import distributed
from distributed import KilledWorker

from procdemo.cluster.client import Cluster, LostClusterError
from procdemo.cluster.members import Member
from procdemo.cluster.remote_queue import Notes, RemoteQueue, work
from procdemo.demo.events import ERROR, Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.pools.item_states import ItemState, ItemStates
from procdemo.pools.monitored_queue import sum_up
from procdemo.process.selector_loop import SelectorLoop

_LOOK_S = 0.1  # between two reports of progress
_STUCK_S, _LAST_S = 1.0, 3.0  # after a loss: give up when nothing moves for so long, or then at the latest


@dataclass(slots=True, eq=False)
class _Member:
    """A producer or consumer: a task in the place of a process."""

    name: str
    address: str
    pid: int
    future: "Future[Any]" = field(default_factory=Future)
    lost: bool = False


class _Account:
    """What is known of all items, by the notes of those who have them in hand."""

    def __init__(self, config: Any) -> None:
        self.states = ItemStates(config.context(), config.items)
        self.blocked_s = [0.0] * (config.producers + config.consumers)
        self._joining: set[int] = set()
        self._messages = self._acknowledged = 0

    def take_down(self, what: str, number: int, *facts: Any) -> None:
        """Write down a note. Those of two workers may arrive in another order: nothing goes back."""
        match what, facts:
            case "note", (items, state):
                self._messages += state == ItemState.QUEUED
                self.states.note([item for item in items if self.states.state(item) < state], state)
            case "take", (items,):
                self.states.take(
                    [item for item in items if self.states.state(item) < ItemState.TAKEN], number
                )
            case "blocked", (_, seconds):
                self.blocked_s[number] += seconds
            case "acknowledged", ():
                self._acknowledged += 1
            case "joins", ():
                self._joining.add(number)

    def complete(self, producers: int) -> bool:
        """Return whether all messages are put, and acknowledged."""
        return len(self._joining) == producers and self._messages == self._acknowledged


def run(config: Any, emit: Emitter, produce: Callable[..., None], consume: Callable[..., None]) -> None:
    """Submit consumers and producers, wait for the producers, account for every item."""
    loop, account = SelectorLoop(), _Account(config)
    names = [f"producer-{number}" for number in range(config.producers)]
    names += [f"consumer-{number}" for number in range(config.consumers)]
    with Cluster(config.cluster, len(names), loop, emit, tell=False) as cluster:
        cluster.workers.noted = account.take_down
        queue = distributed.Queue(client=cluster.client, maxsize=config.maxsize)
        crew = _crew(names, cluster)
        for number, member in enumerate(crew):
            wire = cluster.workers.wire(member.name)
            there = RemoteQueue(queue.name, config.maxsize, Notes(wire, number))
            role = produce if number < config.producers else consume
            args = (role, number, there, config, wire)
            member.future = cluster.executor.submit(work, *args, workers=[member.address])
            member.future.add_done_callback(lambda _: cluster.errands.call_soon(lambda: None))
        before = time.monotonic()
        in_peace = _Watch(crew, account, cluster, emit).join_or_give_up(config, queue.name)
        seconds = time.monotonic() - before
        for member in crew:
            member.future.cancel()  # not interrupted, but told that nobody wants it any more
    sum_up(crew, account, config, all_ended=in_peace, seconds=seconds, emit=emit)


def _crew(names: list[str], cluster: Cluster) -> list[_Member]:
    """Give each a worker, in turn: with as many workers as names, each has its own."""
    addresses, crew = cluster.workers.present, []
    for number, name in enumerate(names):
        address = addresses[number % len(addresses)]
        worker = cluster.workers.get(address)
        crew.append(_Member(name, address, worker.pid if worker else 0))
    return crew


class _Watch:
    """Looks on from outside, as `procdemo.pools.monitored_queue` does."""

    def __init__(self, crew: list[_Member], account: _Account, cluster: Cluster, emit: Emitter) -> None:
        self._crew = crew
        self._account = account
        self._cluster = cluster
        self._emit = emit
        self._lost_at, self._moved_at, self._looked_at = float("inf"), 0.0, 0.0
        self._last = b""
        cluster.workers.lost = self._bury

    def _bury(self, address: str, worker: Member) -> None:
        for member in (each for each in self._crew if each.address == address and not each.lost):
            member.lost, self._lost_at = True, min(self._lost_at, time.monotonic())
            cause = f"lost: {worker.role}"
            self._emit.mark("died", child=member.name, child_pid=worker.pid, cause=cause)

    def join_or_give_up(self, config: Any, name: str) -> bool:
        """Wait for the producers; after a loss only while something moves; return whether all went well."""
        producers, told = self._crew[: config.producers], False
        try:
            while not all(member.lost or member.future.done() for member in producers):
                self._cluster.wait(min(self._cluster.check(), _LOOK_S))
                self._raise_what_failed()  # the others would wait for it for ever
                if not told and self._account.complete(config.producers):
                    self._cluster.ask(self._cluster.client.scheduler.event_set, name=name)
                    told = True
                if not self._moves(config.items):
                    self._emit.mark("stuck")
                    break
            self._raise_what_failed()
        except KeyboardInterrupt:
            self._emit.mark("stopped early")
            return False
        except LostClusterError as error:
            self._emit.mark(ERROR, message=str(error), hint="is it still up? dask scheduler", exit_code=1)
            return False
        return self._lost_at == float("inf")

    def _moves(self, total: int) -> bool:
        """Report progress, ten times a second; return whether it is worth while to wait on."""
        now = time.monotonic()
        if now > self._looked_at + _LOOK_S:
            self._looked_at, snapshot = now, self._account.states.snapshot()
            self._emit.count("items", snapshot.count(ItemState.DONE), total=total)
            if snapshot != self._last:
                self._last, self._moved_at = snapshot, now
        stuck = now - max(self._lost_at, self._moved_at) > _STUCK_S
        return not (stuck or now - self._lost_at > _LAST_S)

    def _raise_what_failed(self) -> None:
        for member in self._crew:
            done = member.future.done() and not member.lost
            if done and member.future.cancelled():  # dask's client has lost its connection, and all its tasks
                raise LostClusterError(
                    f"the scheduler {self._cluster.address} is lost, and all tasks with it"
                )
            if done and (error := member.future.exception()) and not isinstance(error, KilledWorker):
                message = f"{member.name} failed: {type(error).__name__}: {error}"
                raise CannotRunError(message, "pip install 'procdemo[cluster]'  (on each host)")
