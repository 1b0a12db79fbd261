"""A `multiprocessing.Pool` that is retired, and replaced, when it loses a worker.

A Pool does not survive the death of a worker (python/cpython#96062): the task is neither run
again nor failed, and an idle worker dies holding the lock of the queue that all others read.
It cannot be mended from outside, so it gets no more work; its other workers finish what they
have in hand, and a new Pool takes over at once:

    main --apply_async--> Pool 1: worker-0 (killed)  worker-1 (finishes its task)   retired
         --apply_async--> Pool 2: worker-3           worker-4                       takes over

What the parent must know for this comes from the workers over pipes without a lock: *hello*
when they are up, *took* and *left* around each task.
"""

import contextlib
import multiprocessing
import os
import pickle
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import ForkContext
from multiprocessing.pool import Pool
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from procdemo.channel import Reader, Writer, channel
from procdemo.crew import cause
from procdemo.events import Emitter
from procdemo.shift import WORDS, begin, number, take_and_do

_NOTE_S = 0.5  # for a worker to note what it took; it takes microseconds


class Watcher(Protocol):
    """Something that waits for descriptors, e.g. a server's `Door`."""

    def watch(self, fileobj: Any, act: Callable[[], None]) -> None:
        """Call `act()` whenever `fileobj` is readable."""

    def unwatch(self, fileobj: Any) -> None:
        """Stop watching `fileobj`; before it is closed."""


@dataclass(slots=True)
class Task:
    """Something for a worker to do."""

    ticket: int
    func: Callable[..., Any]
    args: tuple[Any, ...]
    conn: socket.socket | None
    callback: Callable[[Any], None] | None
    pid: int = 0
    """The worker that has it in hand; 0 while nobody has."""
    since: float = 0.0
    """When that worker took it (`time.monotonic`, as the parent heard)."""
    ended: float = 0.0
    """When that worker had done it; its result may still be on the way."""
    overdue: bool = False
    """Whether its worker was killed because it took too long."""
    error: str = ""
    """What `callback` raised."""


class _CalmPool(Pool):
    """A Pool whose worker-handler thread sleeps until it has something to do.

    The original also wakes whenever a result can be read, and so spins as long as a callback
    keeps the result-handler thread from reading it: 45 % of the parent's CPU time in a crawl.
    `multiprocessing.pool.ThreadPool` leaves that descriptor out in the same way.
    """

    def _get_sentinels(self) -> list[Any]:
        notifier = self._change_notifier  # type: ignore[attr-defined]
        return [notifier._reader]  # noqa: SLF001 - as in ThreadPool


@dataclass(slots=True, eq=False)
class _Generation:
    """One Pool, with what the parent needs to know of it."""

    pool: Any
    notes: Reader
    notes_writer: Writer
    desk: socket.socket
    workers_desk: socket.socket
    workers: dict[int, tuple[BaseProcess, int]] = field(default_factory=dict)
    """PID to process and a descriptor that becomes readable when it ends."""
    tasks: dict[int, Task] = field(default_factory=dict)
    ended: bool = False


class RetiringPool:
    """N workers that get one task each, when they are idle.

    All methods are for the thread that made the pool; results arrive in the Pool's own
    result-handler thread, as always.
    """

    def __init__(
        self,
        context: ForkContext,
        workers: int,
        emit: Emitter,
        waiting: Watcher,
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
            waiting: what the caller waits with; it must, or nothing is noticed.
            given: arguments that each task gets after its own; sent to a worker once.
            left: called with each task that a worker has ended.
            lost: called with each task whose worker was killed; nobody will end it.
            ready: called when a worker may have become idle.
        """
        self._context = context
        self._workers = workers
        self._emit = emit
        self._given = given
        self._watch, self._unwatch = waiting.watch, waiting.unwatch
        self._left, self._lost, self._ready = left, lost, ready
        self._tickets = 0
        # A process numbers its children; the next number names our first worker worker-0.
        self._first = number(context.Process()) + 1
        self._retired: list[_Generation] = []
        self._current = self._open()

    @property
    def idle(self) -> int:
        """How many workers have nothing to do."""
        return len(self._current.workers) - len(self._current.tasks)

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
        self._submit(task)
        return task

    def _submit(self, task: Task) -> None:
        generation = self._current
        generation.tasks[task.ticket] = task
        words = pickle.dumps((task.ticket, task.func, task.args))
        socket.send_fds(generation.desk, [words], [task.conn.fileno()] if task.conn else [])
        generation.pool.apply_async(
            take_and_do, callback=partial(self._deliver, generation), error_callback=self._report
        )

    def _deliver(self, generation: _Generation, outcome: tuple[int, Any] | None) -> None:
        """In the Pool's result-handler thread: pass a result on; an exception here would end the thread."""
        if outcome is None:
            return
        ticket, result = outcome
        task = generation.tasks.get(ticket)
        if task and task.callback:
            try:
                task.callback(result)
            except Exception as error:  # noqa: BLE001 - the next callback must still be called
                task.error = f"{type(error).__name__}: {error}"[:300]
                self._report(error)
            generation.notes_writer(("done", 0, ticket))

    def _report(self, error: BaseException) -> None:
        self._emit.mark("error in pool", error=f"{type(error).__name__}: {error}"[:500])

    def _open(self) -> _Generation:
        notes, notes_writer = channel()
        os.set_blocking(notes.fileno(), False)
        desk, workers_desk = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        pool = _CalmPool(
            self._workers,
            begin,
            (self._first, notes_writer, workers_desk, self._given, self._emit),
            context=self._context,
        )
        generation = _Generation(pool, notes, notes_writer, desk, workers_desk)
        self._watch(notes, lambda: self._read_notes(generation))
        return generation

    def _read_notes(self, generation: _Generation) -> None:
        records = None
        with contextlib.suppress(BlockingIOError):  # all read already, while we sorted out a death
            records = generation.notes.read()
        for note, pid, ticket in records or []:
            if note == "hello":
                self._welcome(generation, pid)
            elif note == "took":
                if ticket in generation.tasks:
                    task = generation.tasks[ticket]
                    task.pid, task.since = pid, time.monotonic()
            elif ticket in generation.tasks:
                if note == "done" or not generation.tasks[ticket].callback:
                    self._left(generation.tasks.pop(ticket))
                else:
                    generation.tasks[ticket].ended = time.monotonic()
        self._close_if_drained(generation)
        self._ready()

    def _welcome(self, generation: _Generation, pid: int) -> None:
        process = next((child for child in multiprocessing.active_children() if child.pid == pid), None)
        if generation.ended:
            if process:
                process.kill()  # the Pool made it in the place of one that we ended
        elif process is None:
            self._retire(generation, pid, "gone before it could be watched")
        else:
            alarm = os.dup(process.sentinel)  # the Pool closes its own when it reaps the worker
            generation.workers[pid] = process, alarm
            self._watch(alarm, lambda: self._bury(generation, pid))

    def _bury(self, generation: _Generation, pid: int) -> None:
        """Note that a worker has ended; a Pool's worker never does of its own will."""
        process, alarm = generation.workers.pop(pid)
        self._unwatch(alarm)
        os.close(alarm)
        if generation.ended:
            self._close(generation)
            return
        process.join()
        self._retire(generation, pid, cause(process.exitcode))

    def _retire(self, generation: _Generation, pid: int, why: str) -> None:
        """Give `generation` no more work; start another; sort out what the dead worker had."""
        untaken = self._untaken(generation)
        self._await_notes(generation, {task.ticket for task in untaken})
        dead = [
            task
            for task in generation.tasks.values()
            if task.pid in {0, pid} and not task.ended and task not in untaken
        ]
        self._emit.mark("worker lost", worker_pid=pid, cause=why, tasks=len(dead))
        for task in (*dead, *untaken):
            del generation.tasks[task.ticket]
        if generation is self._current:
            self._retired.append(generation)
            self._current = self._open()
            self._emit.mark("pool retired", busy=len(generation.tasks), workers=self._workers)
        for task in untaken:
            self._submit(task)
        for task in dead:
            self._lost(task)
        self._close_if_drained(generation)

    def _untaken(self, generation: _Generation) -> list[Task]:
        """Take back from the desk of `generation` what none of its workers has taken."""
        back = []
        generation.workers_desk.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                words, fds, _, _ = socket.recv_fds(generation.workers_desk, WORDS, 1)
                for fd in fds:
                    os.close(fd)  # the original is still ours
                back.append(generation.tasks[pickle.loads(words)[0]])  # noqa: S301 - our own words
        return back

    def _await_notes(self, generation: _Generation, untaken: set[int]) -> None:
        """Read what the dead worker noted, and wait until each task that was taken has a taker.

        A worker killed between taking and noting leaves no note: what nobody has noted by then
        died with it.
        """
        deadline = time.monotonic() + _NOTE_S
        generation.notes_writer(("read on", 0, 0))  # so that there is something to read
        while True:
            self._read_notes(generation)
            open_ends = any(not task.pid and task.ticket not in untaken for task in generation.tasks.values())
            left = max(deadline - time.monotonic(), 0.0)
            if not open_ends or not select.select([generation.notes], [], [], left)[0]:
                return

    def _close_if_drained(self, generation: _Generation) -> None:
        if generation in self._retired and not generation.tasks and not generation.ended:
            self._end(generation)
            self._close(generation)

    def _end(self, generation: _Generation) -> None:
        """End a Pool that may have lost its locks.

        `Pool.terminate` first stops the making of new workers and then may wait for ever for a
        lost lock, so it gets a thread of its own; the workers are killed one by one.
        """
        generation.ended = True
        threading.Thread(target=generation.pool.terminate, daemon=True).start()
        for process, _ in generation.workers.values():
            process.kill()

    def _close(self, generation: _Generation) -> None:
        """Close what belongs to an ended Pool, once its last worker is gone."""
        if generation.workers or generation not in self._retired:
            return
        self._retired.remove(generation)
        self._unwatch(generation.notes)
        generation.notes.close()
        generation.notes_writer.close()
        generation.desk.close()
        generation.workers_desk.close()

    def kill(self, task: Task) -> None:
        """Kill the worker that has `task` in hand, if any has; ``lost`` will be called."""
        for generation in (self._current, *self._retired):
            if task.pid in generation.workers:
                generation.workers[task.pid][0].kill()

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
                left = task.ended + _NOTE_S - now if task.ended else task.since + seconds - now
                if left > 0:
                    soonest = left if soonest is None else min(soonest, left)
                elif task.ended:
                    self._do_again(generation, task)
                else:
                    task.overdue = True
                    self.kill(task)
        return soonest

    def _do_again(self, generation: _Generation, task: Task) -> None:
        self._emit.mark("result stuck", worker_pid=task.pid)
        del generation.tasks[task.ticket]
        task.pid, task.since, task.ended = 0, 0.0, 0.0
        self._submit(task)
        self._close_if_drained(generation)

    def terminate(self) -> None:
        """End all workers, busy or not; returns when they are gone."""
        for generation in (self._current, *self._retired):
            workers = list(generation.workers.values())
            if not generation.ended:
                self._end(generation)
            for process, _ in workers:
                process.join()
