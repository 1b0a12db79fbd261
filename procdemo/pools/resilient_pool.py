"""A `multiprocessing.Pool` that is retired, and replaced, when it loses a worker.

A Pool does not survive the death of a worker (python/cpython#96062): the task is neither run
again nor failed, and an idle worker dies holding the lock of the queue that all others read.
It cannot be mended from outside, so it gets no more work; its other workers finish what they
have in hand, and a new Pool takes over at once:

    main --apply_async--> Pool 1: worker-0 (killed)  worker-1 (finishes its task)   retired
         --apply_async--> Pool 2: worker-3           worker-4                       takes over

What the parent must know for this comes from the workers over pipes without a lock: *hello*
when they are up, *took* and *left* (or *failed*) around each task.
"""

import socket
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.context import ForkContext
from multiprocessing.process import BaseProcess
from typing import Any

from procdemo.demo.events import Emitter
from procdemo.pools.generation import NOTE_S, Generation, Task
from procdemo.pools.pool_worker import number
from procdemo.process.exit_status import cause
from procdemo.process.selector_loop import SelectorLoop

__all__ = ["ResilientPool", "Task"]


STORY = {
    "worker lost": "PID {worker_pid} was {cause}",
    "pool retired": "its Pool gets no more work, {busy} may finish there; {workers} new workers take over",
}
DETAIL = {
    "ready": "is ready for tasks",
    "result stuck": "PID {worker_pid} was done, but its result is stuck behind a lost lock: done again",
    "error in pool": "{error}",
}
"""Sentences of a Pool; a pattern's STORY and DETAIL take them in."""


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
        given: tuple[Any, ...] = (),
        left: Callable[[Task], None],
        lost: Callable[[Task], None],
        ready: Callable[[], None],
    ) -> None:
        """Start the first Pool.

        Args:
            context: multiprocessing with a start method.
            workers: how many processes each Pool has.
            emit: where to report hello, loss and retirement.
            loop: what the caller waits with; it must, or nothing is noticed.
            given: arguments that each task gets after its own; sent to a worker once.
            left: called with each task that a worker has ended.
            lost: called with each task whose worker was killed; nobody will end it.
            ready: called when a worker may have become idle.
        """
        self._context = context
        self._workers = workers
        self._emit = emit
        self._given = given
        self._watch, self._unwatch = loop.add_reader, loop.remove_reader
        self._left, self._lost, self._ready = left, lost, ready
        self._tickets = 0
        # A process numbers its children; the next number names our first worker worker-0.
        self._first = number(context.Process()) + 1
        self._retired: list[Generation] = []
        self._current = self._open()

    @property
    def idle(self) -> int:
        """How many workers have nothing to do."""
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
    ) -> Task:
        """Have an idle worker call ``func(*args, *given, emit)``, or ``func(conn, *args, *given, emit)``.

        Args:
            func: a function at the top level of a module; an exception it raises is reported.
            args: picklable, less than 65,000 bytes.
            conn: an open connection the worker gets a copy of (``SCM_RIGHTS``, unix(7));
                pickling it instead would start a descriptor server and cost 0.6 ms.
            callback: called with the result in this process's result-handler thread.

        Returns:
            the task, to recognise it in ``left`` and ``lost``.
        """
        self._tickets += 1
        task = Task(self._tickets, func, args, conn, callback)
        self._current.put(task)
        return task

    def _open(self) -> Generation:
        generation = Generation(self._context, self._workers, self._first, self._given, self._emit)
        self._watch(generation.notes, lambda: self._read_notes(generation))
        for process in generation.workers.values():
            self._watch(process.sentinel, partial(self._bury, generation, process))
        return generation

    def _read_notes(self, generation: Generation) -> None:
        for note, pid, ticket in generation.news():
            task = generation.tasks.get(ticket)
            if note == "hello" and pid in generation.workers:
                generation.up.add(pid)
            elif task and note == "took":
                task.pid, task.since = pid, time.monotonic()
            elif task and note == "left" and task.callback:
                task.ended = time.monotonic()
            elif task:
                self._left(generation.tasks.pop(ticket))
        self._close_if_drained(generation)
        self._ready()

    def _bury(self, generation: Generation, process: BaseProcess) -> None:
        """Note that a worker has ended; a Pool's worker never does of its own will."""
        pid = process.pid or 0
        self._unwatch(process.sentinel)
        del generation.workers[pid]
        generation.up.discard(pid)
        if generation.ended:
            self._close(generation)
            return
        process.join()
        self._retire(generation, pid, cause(process.exitcode))

    def _retire(self, generation: Generation, pid: int, why: str) -> None:
        """Give `generation` no more work; start another; sort out what the dead worker had."""
        if (
            newly := generation is self._current
        ):  # first of all, so that what is submitted from now on is safe
            self._retired.append(generation)
            self._current = self._open()
        untaken = generation.take_back()
        generation.await_takers(lambda: self._read_notes(generation))
        dead = [task for task in generation.tasks.values() if task.pid in {0, pid} and not task.ended]
        for task in dead:
            del generation.tasks[task.ticket]
        self._emit.mark("worker lost", worker_pid=pid, cause=why, tasks=len(dead))
        if newly:
            self._emit.mark("pool retired", busy=len(generation.tasks), workers=self._workers)
        for task in untaken:
            self._current.put(task)
        for task in dead:
            self._lost(task)
        self._close_if_drained(generation)

    def _close_if_drained(self, generation: Generation) -> None:
        if generation in self._retired and not generation.tasks and not generation.ended:
            generation.end()
            self._close(generation)

    def _close(self, generation: Generation) -> None:
        """Close what belongs to an ended Pool, once its last worker is gone."""
        if generation.workers or generation not in self._retired:
            return
        self._retired.remove(generation)
        self._unwatch(generation.notes)
        generation.close()

    def kill(self, task: Task) -> None:
        """Kill the worker that has `task` in hand, if any has; ``lost`` will be called."""
        for generation in (self._current, *self._retired):
            if task.pid in generation.workers:
                generation.workers[task.pid].kill()

    def kill_overdue(self, seconds: float) -> float | None:
        """Kill each worker that has had its task for longer than `seconds`; ``lost`` will be called.

        In a retired Pool a result can be stuck behind the lock that a killed worker held: such a
        task is done again.

        Returns:
            how long it is until there may be something to do here, None if nothing is in hand.
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
        self._emit.mark("result stuck", worker_pid=task.pid)
        del generation.tasks[task.ticket]
        task.pid, task.since, task.ended = 0, 0.0, 0.0
        self._current.put(task)
        self._close_if_drained(generation)

    def terminate(self) -> None:
        """End all workers, busy or not; returns when they are gone."""
        generations = (self._current, *self._retired)
        for generation in generations:
            if not generation.ended:
                generation.end()
        for generation in generations:
            generation.join()
