"""Producers, a bounded queue and consumers on many hosts, and an account of every item.

Two lines differ from `multiprocessing`, apart from the account:

    queue = JoinableQueue(maxsize)
    Process(target=produce, args=(number, queue, config, emit)).start()

    queue = distributed.Queue(maxsize=maxsize)
    executor.submit(produce, number, queue, config, emit)

Each task is bound to a worker. If the worker is lost, the task is not started again, because another run of a
producer would make the same items once more. So a loss is what it is on one machine: every item is named.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import distributed
from distributed import KilledWorker

from procdemo.cluster.client import ON_EACH_HOST, Cluster, LostClusterError
from procdemo.cluster.members import Member
from procdemo.cluster.remote_queue import Notes, RemoteQueue, work
from procdemo.demo.events import ERROR, Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.pools.item_states import ItemState, ItemStates
from procdemo.pools.monitored_queue import Ending, sum_up
from procdemo.process.exit_status import Exit, report_exit
from procdemo.process.selector_loop import SelectorLoop

_LOOK_S = 0.1  # between two reports of progress
_STUCK_S, _LAST_S = 1.0, 3.0  # after a loss: give up if nothing moves for so long, or then at the latest


@dataclass(slots=True, eq=False)
class _Task:
    """A producer or consumer: a task of the cluster instead of a process."""

    name: str
    address: str
    """The address of its worker."""
    pid: int
    """The PID of its worker."""
    future: "Future[Any]" = field(default_factory=Future)
    lost: bool = False
    """Whether its worker is lost."""


class _Account:
    """What the main process knows of all items, from the notes of the tasks."""

    def __init__(self, config: Any) -> None:
        self.states = ItemStates(config.context(), config.items)
        self.blocked_s = [0.0] * (config.producers + config.consumers)
        self._joining: set[int] = set()
        self._messages = self._acknowledged = 0

    def record(self, what: str, number: int, *facts: Any) -> None:
        """Record a note of task `number`.

        The notes of two workers may arrive in another order than they were sent, so the state of an item
        only ever moves forward.
        """
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

    def is_complete(self, producers: int) -> bool:
        """Return whether all messages are put, and acknowledged."""
        return len(self._joining) == producers and self._messages == self._acknowledged


def run(config: Any, emit: Emitter, produce: Callable[..., None], consume: Callable[..., None]) -> None:
    """Submit consumers and producers, wait for the producers, account for every item."""
    loop, account = SelectorLoop(), _Account(config)
    names = [f"producer-{number}" for number in range(config.producers)]
    names += [f"consumer-{number}" for number in range(config.consumers)]
    with Cluster(config.cluster, len(names), loop, emit, report=False) as cluster:
        cluster.members.on_note = account.record
        queue = distributed.Queue(client=cluster.client, maxsize=config.maxsize)
        tasks = _bind(names, cluster)
        for number, task in enumerate(tasks):
            writer = cluster.members.writer(task.name)
            remote_queue = RemoteQueue(queue.name, config.maxsize, Notes(writer, number))
            target = produce if number < config.producers else consume
            args = (target, number, remote_queue, config, writer)
            task.future = cluster.executor.submit(work, *args, workers=[task.address])
            task.future.add_done_callback(lambda _: cluster.thread_calls.call_soon(lambda: None))
        before = time.monotonic()
        ending = _Monitor(tasks, account, cluster, emit).join_or_give_up(config, queue.name)
        seconds = time.monotonic() - before
        for task in tasks:
            task.future.cancel()  # does not interrupt it, but it notices within a second: UnwantedError
    sum_up(tasks, account, config, ending=ending, seconds=seconds, emit=emit)


def _bind(names: list[str], cluster: Cluster) -> list[_Task]:
    """Return a task for each name, bound to the workers in turn; with enough workers each has its own."""
    addresses, tasks = cluster.members.present, []
    for number, name in enumerate(names):
        address = addresses[number % len(addresses)]
        member = cluster.members.get_or_ask(address)
        tasks.append(_Task(name, address, member.pid if member else 0))
    return tasks


class _Monitor:
    """Watches the tasks from the main process, as `procdemo.pools.monitored_queue` watches processes."""

    def __init__(self, tasks: list[_Task], account: _Account, cluster: Cluster, emit: Emitter) -> None:
        self._tasks = tasks
        self._account = account
        self._cluster = cluster
        self._emit = emit
        self._lost_at, self._moved_at, self._looked_at = float("inf"), 0.0, 0.0
        self._last = b""
        cluster.members.on_lost = self._report_lost_worker

    def _report_lost_worker(self, address: str, member: Member) -> None:
        for task in (each for each in self._tasks if each.address == address and not each.lost):
            task.lost, self._lost_at = True, min(self._lost_at, time.monotonic())
            report_exit(self._emit, Exit(task.name, member.pid, None), kind="cluster worker")

    def join_or_give_up(self, config: Any, name: str) -> Ending:
        """Wait until all producers are done; after a loss only as long as something moves.

        Args:
            config: the settings ``producers`` and ``items``.
            name: the name of the queue, and of the event that tells its producers that all is acknowledged.
        """
        producers, event_set = self._tasks[: config.producers], False
        try:
            while not all(task.lost or task.future.done() for task in producers):
                self._cluster.run_once(min(self._cluster.raise_if_lost(), _LOOK_S))
                self._raise_failure()  # the other tasks would wait for the failed one for ever
                if not event_set and self._account.is_complete(config.producers):
                    self._cluster.call_scheduler(self._cluster.client.scheduler.event_set, name=name)
                    event_set = True
                if not self._moves(config.items):
                    self._emit.mark("stuck")
                    break
            self._raise_failure()
        except KeyboardInterrupt:
            self._emit.mark("stopped early")
            died = frozenset(task.pid for task in self._tasks if task.lost)
            return Ending(complete=False, interrupted=True, died=died)
        except LostClusterError as error:
            self._emit.mark(ERROR, message=str(error), hint="is it still up? dask scheduler", exit_code=1)
            return Ending(complete=False)
        return Ending(complete=self._lost_at == float("inf"))

    def _moves(self, total: int) -> bool:
        """Report progress, ten times a second; return whether to wait on."""
        now = time.monotonic()
        if now > self._looked_at + _LOOK_S:
            self._looked_at, snapshot = now, self._account.states.snapshot()
            self._emit.count("items", snapshot.count(ItemState.DONE), total=total)
            if snapshot != self._last:
                self._last, self._moved_at = snapshot, now
        stuck = now - max(self._lost_at, self._moved_at) > _STUCK_S
        return not (stuck or now - self._lost_at > _LAST_S)

    def _raise_failure(self) -> None:
        for task in self._tasks:
            done = task.future.done() and not task.lost
            if done and task.future.cancelled():  # dask's client has lost its connection, and all its tasks
                raise LostClusterError(
                    f"the scheduler {self._cluster.address} is lost, and all tasks with it"
                )
            if done and (error := task.future.exception()) and not isinstance(error, KilledWorker):
                message = f"{task.name} failed: {type(error).__name__}: {error}"
                raise CannotRunError(message, ON_EACH_HOST)
