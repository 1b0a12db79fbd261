"""A `multiprocessing.Pool` that is retired, and replaced, when it loses a worker.

A Pool does not survive the death of a worker (python/cpython#96062): the task is neither run
again nor failed, and an idle worker that is killed holds the lock of the queue that all others
read. It cannot be repaired from outside, so it gets no more work. Its other workers finish what
they have in hand, and a new Pool takes over at once:

    main --apply_async--> Pool 1: worker-0 (killed)  worker-1 (finishes its task)   retired
         --apply_async--> Pool 2: worker-2           worker-3                       takes over

What the parent must know for this comes as notes over pipes without a lock. A worker writes
*ready* when it is up, *took* before each task, and *returned* or *raised* after it. The parent's own
result-handler thread writes *delivered* when it has called the task's callback.

A Pool has threads in the parent, so only the first Pool is forked. The workers of the next ones are spawned
under start method fork, too: a child that is forked beside a thread may wait for ever for a lock that the
thread has, and Python warns of it ("os.fork" in the documentation, since 3.12).
"""

import multiprocessing
import socket
import time
from collections.abc import Callable
from multiprocessing.context import ForkContext
from typing import Any, cast

from procdemo.demo.events import Emitter
from procdemo.pools.generation import NOTE_S, Generation, Task
from procdemo.process import exit_status
from procdemo.process.children import Children
from procdemo.process.exit_status import Exit, report_exit
from procdemo.process.selector_loop import SelectorLoop

__all__ = ["PoolSettings", "ResilientPool", "Task"]

BLOCKS = (exit_status,)
STORY = {
    "pool retired": "a lock may be lost: {workers} new workers ({start_method})",
}
DETAIL = {
    "pool retired": "a killed worker may have had a lock of the Pool. So it gets no more tasks "
    "({busy} may finish), and {workers} new workers replace it ({start_method})",
    "ready": "is ready for tasks",
    "result stuck": "{worker} (PID {worker_pid}) was done, but a lost lock keeps its result: done again",
    "error in pool": "{error}",
}
"""Sentences of a Pool. The end of a worker has ``tasks`` too: how many it had in hand."""


class PoolSettings:
    """What the settings of each demo with a `ResilientPool` say."""

    __slots__ = ()

    @property
    def names_semaphores(self) -> bool:
        """True: when a worker has died, new ones are spawned under each start method."""
        return True


class ResilientPool:
    """N workers that get one task each, when they are idle.

    All methods are for the thread that made the pool; results arrive in the Pool's own
    result-handler thread, as always.
    """

    def __init__(
        self,
        context: ForkContext,
        workers: int,
        emit: Emitter,
        loop: SelectorLoop,
        *,
        extra_args: tuple[Any, ...] = (),
        on_taken: Callable[[Task], None] = lambda task: None,  # noqa: ARG005
        on_done: Callable[[Task], None],
        on_lost: Callable[[Task], None],
        on_idle: Callable[[], None],
    ) -> None:
        """Start the first Pool.

        Args:
            context: multiprocessing with a start method; no thread may run yet if it is fork.
            workers: how many processes each Pool has.
            emit: where to report ends of workers and retirements of Pools.
            loop: the caller must run it, because the pool notices all things there.
            extra_args: arguments that each task gets after its own; sent to a worker once.
            on_taken: called with each task that a worker has begun.
            on_done: called with each task that a worker has ended.
            on_lost: called with each task whose worker was killed; no worker will end it.
            on_idle: called when a worker may have become idle.
        """
        self._context = context  # of the next Pool
        self._workers = workers
        self._emit = emit
        self._loop = loop
        self._extra_args = extra_args
        self._on_taken, self._on_done, self._on_lost, self._on_idle = on_taken, on_done, on_lost, on_idle
        self._children = Children(loop, self._on_exit)
        self._tickets = self._started = 0
        self._generations: dict[int, Generation] = {}  # by the PIDs of their living workers
        self._retired: list[Generation] = []
        self._current = self._start_generation()

    @property
    def idle(self) -> int:
        """How many workers have nothing to do; less than 0 if so many tasks wait for a worker."""
        return len(self._current.up) - len(self._current.tasks)

    @property
    def pids(self) -> list[int]:
        """The PIDs of the workers that get tasks."""
        return list(self._current.workers)

    def apply_async(
        self,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        *,
        conn: socket.socket | None = None,
        callback: Callable[[Any], None] | None = None,
        tell: bool = True,
    ) -> Task:
        """Have an idle worker call ``func(*args, *extra_args, emit)``, with `conn` before `args` if given.

        Args:
            func: a function at the top level of a module; an exception it raises is reported.
            args: picklable, less than 65,000 bytes.
            conn: an open connection the worker gets a copy of (``SCM_RIGHTS``, unix(7));
                pickling it instead would start a descriptor server and cost 0.6 ms.
            callback: called with the result in this process's result-handler thread.
            tell: whether to report it. If not, there is no `callback`; ``on_done`` finds the result, of
                built-in types, in the task.

        Returns:
            the task, to recognise it in ``on_done`` and ``on_lost``.
        """
        self._tickets += 1
        task = Task(self._tickets, func, args, conn, callback, tell=tell)
        self._current.put(task)
        return task

    def _start_generation(self) -> Generation:
        first, self._started = self._started, self._started + self._workers
        names = [f"worker-{number}" for number in range(first, self._started)]
        generation = Generation(self._context, names, self._children, self._extra_args, self._emit)
        if self._context.get_start_method() == "fork":  # from now on there are threads
            self._context = cast("ForkContext", multiprocessing.get_context("spawn"))
        self._loop.add_reader(generation.notes, lambda: self._read_notes(generation))
        self._generations |= dict.fromkeys(generation.workers, generation)
        return generation

    def _read_notes(self, generation: Generation) -> None:
        for note, pid, ticket, result in generation.read_notes():
            task = generation.tasks.get(ticket)
            if note == "ready" and pid in generation.workers:
                generation.up.add(pid)
            elif task and note == "took":
                task.worker, task.pid, task.since = generation.names[pid], pid, time.monotonic()
                self._on_taken(task)
            elif task and note == "returned" and task.callback:
                task.ended = time.monotonic()
            elif task:  # raised, delivered, or returned without a callback
                task.result = result
                self._on_done(generation.tasks.pop(ticket))
        self._end_if_drained(generation)
        self._on_idle()

    def _on_exit(self, exited: Exit) -> None:
        """Note that a worker has ended; a Pool's worker never does so by itself."""
        generation = self._generations.pop(exited.pid)
        del generation.workers[exited.pid]
        generation.up.discard(exited.pid)
        if not generation.ending:
            self._retire(generation, exited)
            return
        in_hand = [task for task in generation.tasks.values() if task.pid == exited.pid]
        report_exit(self._emit, exited, tasks=len(in_hand))
        self._close_if_ended(generation)

    def _retire(self, generation: Generation, exited: Exit) -> None:
        """Give `generation` no more work; start another; sort out which tasks the dead worker had."""
        newly = generation is self._current
        if newly:  # first of all, so that what is submitted from now on goes to the new Pool
            self._retired.append(generation)
            self._current = self._start_generation()
        untaken = generation.take_back()
        generation.wait_for_notes(lambda: self._read_notes(generation))
        dead = {0, exited.pid}  # 0: taken, but killed before it could say so
        lost = [task for task in generation.tasks.values() if task.pid in dead and not task.ended]
        for task in lost:
            task.worker, task.pid = exited.name, exited.pid
            del generation.tasks[task.ticket]
        report_exit(self._emit, exited, tasks=len(lost))
        if newly:
            method = self._context.get_start_method()
            busy = len(generation.tasks)
            self._emit.mark("pool retired", busy=busy, workers=self._workers, start_method=method)
        for task in untaken:
            self._current.put(task)
        for task in lost:
            self._on_lost(task)
        self._end_if_drained(generation)

    def _end_if_drained(self, generation: Generation) -> None:
        if generation in self._retired and not generation.tasks and not generation.ending:
            generation.ending = True
            for worker in generation.workers.values():
                worker.kill()
            self._close_if_ended(generation)

    def _close_if_ended(self, generation: Generation) -> None:
        """Close what belongs to a retired Pool, once its last worker is gone."""
        if generation.workers or generation not in self._retired:
            return
        self._retired.remove(generation)
        self._loop.remove_reader(generation.notes)
        generation.end_pool()
        generation.close()

    def kill(self, task: Task) -> None:
        """Kill the worker that has `task` in hand, if there is one; ``on_lost`` will be called."""
        if generation := self._generations.get(task.pid):
            generation.workers[task.pid].kill()

    def kill_overdue(self, seconds: float) -> float | None:
        """Kill each worker that has had its task for longer than `seconds`; ``on_lost`` will be called.

        In a retired Pool a result can be stuck behind the lock that a killed worker held: such a
        task is done again.

        Returns:
            seconds until there may be something to do here; None if no worker has a task.
        """
        now = time.monotonic()
        soonest = None
        for generation in (self._current, *self._retired):
            for task in list(generation.tasks.values()):
                if not task.pid or task.overdue or (task.ended and generation is self._current):
                    continue
                left = task.ended + NOTE_S - now if task.ended else task.since + seconds - now
                if left > 0:
                    soonest = left if soonest is None else min(soonest, left)
                elif task.ended:
                    self._do_again(generation, task)
                else:
                    task.overdue = True
                    self.kill(task)
        return soonest

    def _do_again(self, generation: Generation, task: Task) -> None:
        self._emit.mark("result stuck", worker=task.worker, worker_pid=task.pid)
        del generation.tasks[task.ticket]
        task.worker, task.pid, task.since, task.ended = "", 0, 0.0, 0.0
        self._current.put(task)
        self._end_if_drained(generation)

    def terminate(self) -> None:
        """End all workers, busy or not; returns when they are gone."""
        generations = (self._current, *self._retired)
        self._retired.clear()  # not to be closed now: a result may still be on its way
        for generation in generations:
            generation.ending = True
        self._children.kill_all()
        for generation in generations:
            generation.end_pool()
        for generation in generations:
            generation.join()
