"""One Pool of a `ResilientPool`, and the pipes over which its parent knows what its workers do."""

import contextlib
import os
import pickle
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.context import ForkContext
from multiprocessing.pool import Pool
from multiprocessing.process import BaseProcess
from typing import Any

from procdemo.demo.events import Emitter
from procdemo.pools.pool_worker import WORDS, init_worker, run_next_task
from procdemo.process.record_pipe import channel

NOTE_S = 0.5
"""Seconds for a worker's note, or its result, to arrive; it takes microseconds."""

_OWN_S = 0.1  # for a thread of our own to give a lock back
_END_S = 2.0  # for a Pool to end; a worker killed within a long result can keep it from ever doing so


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


def deliver(task: Task, result: Any, emit: Emitter) -> None:
    """Call the callback of `task`, and report it; what it raises is written down in the task."""
    if task.callback is None:
        return
    emit.receive("callback", id=task.ticket)
    emit.begin("callback", id=task.ticket)
    try:
        task.callback(result)
    except Exception as error:  # noqa: BLE001 - the next callback must still be called
        task.error = f"{type(error).__name__}: {error}"[:300]
        emit.mark("error in pool", error=f"{type(error).__name__}: {error}"[:500])
    emit.end("callback")


class UnmanagedPool(Pool):
    """A Pool whose worker-handler thread has nothing to do, because it does not know the workers.

    The original replaces those that have ended; here a new Pool does, since this one may have
    lost its locks, and forks only in the main thread: a fork in another one would pass on what
    the main thread is just opening. And the original wakes whenever a result can be read, so
    that it spins as long as a callback keeps the result-handler thread from reading it: 45 % of
    the parent's CPU time in a crawl.
    """

    _change_notifier: Any
    _pool: list[BaseProcess]
    _inqueue: Any
    _outqueue: Any

    def _repopulate_pool(self) -> None:
        super()._repopulate_pool()  # type: ignore[misc]
        self.workers = list(self._pool)
        self._pool.clear()

    def _get_sentinels(self) -> list[Any]:
        return [self._change_notifier._reader]  # noqa: SLF001 - as in ThreadPool

    def end(self) -> None:
        """End as `terminate` does, even if killed workers have taken locks along; leave nothing open.

        Once no worker is left, a lock that cannot be had is a dead worker's: it is given back, or
        `terminate` would wait for it for ever.
        """
        for process in self.workers:
            process.kill()
        for process in self.workers:
            process.join()
        for lock in (self._inqueue._rlock, self._outqueue._wlock):  # noqa: SLF001 - those that workers take
            lock.acquire(timeout=_OWN_S)
            lock.release()
        self.terminate()
        self.workers.clear()
        for queue in (self._inqueue, self._outqueue, self._change_notifier):
            queue.close()


class Generation:
    """A Pool, its tasks and its workers."""

    def __init__(
        self, context: ForkContext, workers: int, first: int, given: tuple[Any, ...], emit: Emitter
    ) -> None:
        """Start `workers` processes; `first` is the number of ``worker-0``; `given` as in `ResilientPool`."""
        self._emit = emit
        self.notes, self._notes_writer = channel()
        os.set_blocking(self.notes.fileno(), False)
        self._desk, self._workers_desk = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._pool = UnmanagedPool(
            workers,
            init_worker,
            (first, self._notes_writer, self._workers_desk, given, emit),
            context=context,
        )
        self.workers = {process.pid or 0: process for process in self._pool.workers}
        """By PID; those that have not ended."""
        self.up: set[int] = set()
        """PIDs of those that have said hello."""
        self.tasks: dict[int, Task] = {}
        """What was put on the desk and is not done, by ticket."""
        self.ended = False

    def put(self, task: Task) -> None:
        """Put `task` on the desk, and have an idle worker take what lies there."""
        self.tasks[task.ticket] = task
        self._emit.send("submit", id=task.ticket)
        words = pickle.dumps((task.ticket, task.func, task.args))
        socket.send_fds(self._desk, [words], [task.conn.fileno()] if task.conn else [])
        self._pool.apply_async(run_next_task, callback=self._deliver, error_callback=self._report)

    def _deliver(self, outcome: tuple[int, Any] | None) -> None:
        """In the Pool's result-handler thread: pass a result on; an exception here would end the thread."""
        if outcome is None:
            return
        ticket, result = outcome
        task = self.tasks.get(ticket)
        if task and task.callback:
            deliver(task, result, self._emit)
            self._notes_writer(("done", 0, ticket))

    def _report(self, error: BaseException) -> None:
        self._emit.mark("error in pool", error=f"{type(error).__name__}: {error}"[:500])

    def news(self) -> Iterator[tuple[str, int, int]]:
        """Yield the notes that are there: what happened, to which PID, with which ticket."""
        with contextlib.suppress(BlockingIOError):  # all read already, while a death was sorted out
            yield from self.notes.read() or []

    def take_back(self) -> list[Task]:
        """Take from the desk what none of the workers has taken."""
        back = []
        self._workers_desk.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                words, fds, _, _ = socket.recv_fds(self._workers_desk, WORDS, 1)
                for fd in fds:
                    os.close(fd)  # the original is still ours
                back.append(self.tasks.pop(pickle.loads(words)[0]))  # noqa: S301 - our own words
        return back

    def await_takers(self, read_notes: Callable[[], None]) -> None:
        """Call `read_notes` until each task has a taker, for `NOTE_S` at most.

        A worker killed between taking and noting leaves no note: what nobody has noted by then
        died with it.
        """
        deadline = time.monotonic() + NOTE_S
        while True:
            read_notes()
            nobodys = any(not task.pid for task in self.tasks.values())
            left = max(deadline - time.monotonic(), 0.0)
            if not nobodys or not select.select([self.notes], [], [], left)[0]:
                return

    def end(self) -> None:
        """Begin to end the Pool and all its workers, in a thread: nobody knows how long it takes."""
        self.ended = True
        self._ending = threading.Thread(target=self._pool.end, daemon=True)
        self._ending.start()

    def join(self) -> None:
        """Wait until the Pool and its workers, told to `end`, are gone."""
        self._ending.join(_END_S)

    def close(self) -> None:
        """Close the pipes; the workers are gone."""
        self.notes.close()
        self._notes_writer.close()
        self._desk.close()
        self._workers_desk.close()
