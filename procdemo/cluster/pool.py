"""A Pool whose workers may be on other hosts: ``apply_async`` is the executor's ``submit``.

Two lines differ from `multiprocessing`:

    pool.apply_async(fetch, (url,), callback=parse)

    future = executor.submit(fetch, url)
    future.add_done_callback(parse)

The callback gets the future, not the result, and runs in dask's event loop: as with a Pool, in the PID of the
main process, in a thread of its own, one after the other. If the worker of a task is lost, the scheduler
starts the task again on another worker, ``distributed.scheduler.allowed-failures`` times; then the future
raises `KilledWorker`.
"""

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

from distributed import KilledWorker

from procdemo.cluster.client import ON_EACH_HOST, Cluster, LostClusterError
from procdemo.cluster.members import Member
from procdemo.cluster.remote import run_task
from procdemo.crawler.results import CrawlResults
from procdemo.demo.events import ERROR, Emitter, Kind
from procdemo.demo.settings import CannotRunError
from procdemo.pools.generation import Task, deliver
from procdemo.process.exit_status import Exit, report_exit
from procdemo.process.selector_loop import SelectorLoop

_CLOCKS_S = 0.05  # how much the clocks of two hosts may differ, though we have compared them


class ClusterPool:
    """N workers of a cluster; has the methods of a `ResilientPool`."""

    def __init__(
        self,
        config: Any,
        results: CrawlResults,
        emit: Emitter,
        loop: SelectorLoop,
        *,
        extra_args: tuple[Any, ...] = (),
        on_done: Callable[[Task], None],
        on_lost: Callable[[Task], None],
        on_idle: Callable[[], None],
    ) -> None:
        """Connect to the cluster `config.cluster`.

        Args:
            config: the settings ``cluster``, ``workers``, ``page_deadline`` and ``tries``.
            results: is told which pages the scheduler has fetched again, and when the scheduler is lost.
            emit: gets the events of all workers.
            loop: the loop that the caller runs.
            extra_args: arguments that each task gets after its own.
            on_done: called with each task that is done.
            on_lost: called with each task whose workers were lost too often.
            on_idle: called when a worker may have become idle.
        """
        self._emit = emit
        self._extra_args = extra_args
        self._on_done, self._on_lost, self._on_idle = on_done, on_lost, on_idle
        self._results = results
        self._deadline = config.page_deadline
        self._tickets = 0
        self._given_up = False
        self._tasks: dict[int, Task] = {}
        self._cluster = Cluster(config.cluster, config.workers, loop, emit, tries=config.tries)
        self._members = self._cluster.members
        self._members.on_event, self._members.on_lost = self._on_event, self._report_lost_worker
        self._cluster.thread_calls.call_soon(on_idle)

    @property
    def idle(self) -> int:
        """How many workers have no task."""
        return len(self._members.present) - len(self._tasks)

    def apply_async(
        self, func: Callable[..., Any], args: tuple[Any, ...], *, callback: Callable[[Any], None]
    ) -> Task:
        """Have a worker call ``func(*args, *extra_args, emit)``, and ``callback(result)`` in this process."""
        self._tickets += 1
        task = Task(self._tickets, func, args, None, callback)
        self._tasks[task.ticket] = task
        self._emit.send("submit", id=task.ticket)
        all_args = (*args, *self._extra_args)
        future = self._cluster.executor.submit(
            run_task, task.ticket, self._deadline, func, all_args, self._members.writer()
        )
        future.add_done_callback(partial(self._call_back, task))
        return task

    def _call_back(self, task: Task, future: "Future[Any]") -> None:
        """Pass the result on, or why there is none; runs in the thread of dask's event loop."""
        call_soon = self._cluster.thread_calls.call_soon
        try:
            deliver(task, future.result(), self._emit)
        except CancelledError:  # dask's client has lost its connection, and all its tasks
            call_soon(self._give_up, f"the scheduler {self._cluster.address} is lost, and all tasks with it")
        except KilledWorker:
            call_soon(self._finish, task, self._on_lost)
        except Exception as error:  # noqa: BLE001 - of whatever kind: the main thread must raise it
            call_soon(self._fail, error)
        else:
            call_soon(self._finish, task, self._on_done)

    def _finish(self, task: Task, report: Callable[[Task], None]) -> None:
        if not self._given_up:
            del self._tasks[task.ticket]
            report(task)
            self._on_idle()

    def _fail(self, error: BaseException) -> None:
        message = f"the workers cannot do it: {type(error).__name__}: {error}"
        raise CannotRunError(message, ON_EACH_HOST) from None

    def _on_event(self, _address: str, record: list[Any]) -> None:
        """Note which worker has taken a task; if a task is taken twice, the first worker has lost it."""
        kind, name, data, time_ns, pid, *_ = record
        if kind == Kind.RECEIVE and name == "submit" and (task := self._tasks.get(data["id"])):
            if task.pid:
                self._results.record_retry(task.args[0], task.pid, overdue=task.overdue)
            task.pid, task.since, task.overdue = pid, time_ns / 1e9, False

    def _report_lost_worker(self, _address: str, member: Member) -> None:
        in_hand = [task for task in self._tasks.values() if task.pid == member.pid]
        for task in in_hand:
            task.overdue = time.monotonic() > task.since + self._deadline - _CLOCKS_S
        exited = Exit(member.role, member.pid, None)
        report_exit(self._emit, exited, kind="cluster worker", tasks=len(in_hand))

    def kill_overdue(self, _seconds: float) -> float | None:
        """Check that the cluster is not lost; the kernel of its own host kills an overdue worker.

        Returns:
            after how many seconds to call this again.
        """
        try:
            return self._cluster.raise_if_lost()
        except LostClusterError as error:
            self._give_up(str(error))
            return 0

    def _give_up(self, why: str) -> None:
        if not self._given_up:
            self._given_up = True
            self._emit.mark(ERROR, message=why, hint="is it still up? dask scheduler", exit_code=1)
            self._results.give_up("the scheduler was lost")

    def terminate(self) -> None:
        """Release all tasks; end the workers of a cluster of our own."""
        self._cluster.close()
