"""A Pool whose workers may be on other hosts: ``apply_async`` is the executor's ``submit``.

Two lines differ from `multiprocessing`:

    pool.apply_async(fetch, (url,), callback=parse)

    future = executor.submit(fetch, url)
    future.add_done_callback(parse)

The callback gets the future, not the result, and runs in dask's event loop: in the PID of the
main process again, in a thread of its own again, one after the other again. A task whose worker
is lost is begun again on another by the scheduler, ``distributed.scheduler.allowed-failures``
times; then its future raises `KilledWorker`.
"""

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

from distributed import KilledWorker

from procdemo.cluster.client import Cluster, LostClusterError
from procdemo.cluster.members import Member
from procdemo.cluster.remote import run_task
from procdemo.crawler.results import CrawlResults
from procdemo.demo.events import ERROR, Emitter, Kind
from procdemo.demo.settings import CannotRunError
from procdemo.pools.generation import Task, deliver
from procdemo.process.selector_loop import SelectorLoop

_CLOCKS_S = 0.05  # how much the clocks of two hosts may differ, though we have compared them


class ClusterPool:
    """N workers of a cluster; has the methods of a `ResilientPool`."""

    def __init__(
        self,
        config: Any,
        crop: CrawlResults,
        emit: Emitter,
        loop: SelectorLoop,
        *,
        extra_args: tuple[Any, ...] = (),
        on_done: Callable[[Task], None],
        on_lost: Callable[[Task], None],
        on_idle: Callable[[], None],
    ) -> None:
        """Join the cluster `config.cluster`; all else as in `ResilientPool`.

        Args:
            config: the settings ``cluster``, ``workers``, ``page_deadline`` and ``tries``.
            crop: hears of pages that the scheduler has fetched again, and of its end.
            emit: gets the events of all workers.
            loop: what the caller waits with.
            extra_args: arguments that each task gets after its own.
            on_done: called with each task that is done.
            on_lost: called with each task whose workers were lost too often.
            on_idle: called when a worker may have become idle.
        """
        self._emit = emit
        self._extra_args = extra_args
        self._on_done, self._on_lost, self._on_idle = on_done, on_lost, on_idle
        self._crop = crop
        self._deadline = config.page_deadline
        self._tickets = 0
        self._abandoned = False
        self._tasks: dict[int, Task] = {}
        self._cluster = Cluster(config.cluster, config.workers, loop, emit, tries=config.tries)
        self._workers = self._cluster.workers
        self._workers.heard, self._workers.lost = self._hear, self._bury
        self._cluster.errands.call_soon(on_idle)

    @property
    def idle(self) -> int:
        """How many workers have nothing to do."""
        return len(self._workers.present) - len(self._tasks)

    def apply_async(
        self, func: Callable[..., Any], args: tuple[Any, ...], *, callback: Callable[[Any], None]
    ) -> Task:
        """Have a worker call ``func(*args, *extra_args, emit)``, and ``callback(result)`` in this process."""
        self._tickets += 1
        task = Task(self._tickets, func, args, None, callback)
        self._tasks[task.ticket] = task
        self._emit.send("submit", id=task.ticket)
        there = (task.ticket, self._deadline, func, (*args, *self._extra_args), self._workers.wire())
        future = self._cluster.executor.submit(run_task, *there)
        future.add_done_callback(partial(self._call_back, task))
        return task

    def _call_back(self, task: Task, future: "Future[Any]") -> None:
        """In the thread of dask's event loop: pass the result on, or why there is none."""
        try:
            deliver(task, future.result(), self._emit)
        except CancelledError:  # dask's client has lost its connection, and all its tasks
            self._cluster.errands.call_soon(
                self._abandon, f"the scheduler {self._cluster.address} is lost, and all tasks with it"
            )
        except KilledWorker:
            self._cluster.errands.call_soon(self._settle, task, self._on_lost)
        except Exception as error:  # noqa: BLE001 - whatever it is, main must hear of it
            self._cluster.errands.call_soon(self._refuse, error)
        else:
            self._cluster.errands.call_soon(self._settle, task, self._on_done)

    def _settle(self, task: Task, how: Callable[[Task], None]) -> None:
        if not self._abandoned:
            del self._tasks[task.ticket]
            how(task)
            self._on_idle()

    def _refuse(self, error: BaseException) -> None:
        message = f"the workers cannot do it: {type(error).__name__}: {error}"
        raise CannotRunError(message, "pip install 'procdemo[cluster]'  (on each host)") from None

    def _hear(self, _address: str, record: list[Any]) -> None:
        """Note who has a task in hand; one that is taken twice was lost by the first."""
        kind, name, data, time_ns, pid, *_ = record
        if kind == Kind.RECEIVE and name == "submit" and (task := self._tasks.get(data["id"])):
            if task.pid:
                self._crop.record_retry(task.args[0], task.pid, overdue=task.overdue)
            task.pid, task.since, task.overdue = pid, time_ns / 1e9, False

    def _bury(self, _address: str, worker: Member) -> None:
        in_hand = [task for task in self._tasks.values() if task.pid == worker.pid]
        for task in in_hand:
            task.overdue = time.monotonic() > task.since + self._deadline - _CLOCKS_S
        data = {"worker_pid": worker.pid, "cause": f"lost: {worker.role}", "tasks": len(in_hand)}
        self._emit.mark("worker lost", **data)

    def kill_overdue(self, _seconds: float) -> float | None:
        """See to it that the scheduler is there; overdue workers are killed by their own kernel.

        Returns:
            after how many seconds to look again.
        """
        try:
            return self._cluster.check()
        except LostClusterError as error:
            self._abandon(str(error))
            return 0

    def _abandon(self, why: str) -> None:
        if not self._abandoned:
            self._abandoned = True
            self._emit.mark(ERROR, message=why, hint="is it still up? dask scheduler", exit_code=1)
            self._crop.give_up("the scheduler was lost")

    def terminate(self) -> None:
        """Release what is left, and end the workers that are our own."""
        self._cluster.close()
