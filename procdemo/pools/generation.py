"""One Pool of a `ResilientPool`, and the pipes over which its parent knows what its workers do."""

import contextlib
import os
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkContext
from multiprocessing.pool import Pool
from multiprocessing.process import BaseProcess
from typing import Any

from procdemo.demo.events import Emitter
from procdemo.pools.pool_worker import TASK_BYTES, init_worker, run_next_task
from procdemo.process.children import Children
from procdemo.process.early_death import allow_early_death
from procdemo.process.readiness import wait_ready
from procdemo.process.record_pipe import channel, enlarge

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
    worker: str = ""
    """The name of the worker that has it in hand, e.g. ``worker-1``; empty while none has."""
    pid: int = 0
    """The PID of that worker; 0 while none has it in hand."""
    since: float = 0.0
    """When that worker took it (`time.monotonic`, when the parent read the note)."""
    ended: float = 0.0
    """When that worker had done it; its result may still be on the way."""
    overdue: bool = False
    """Whether its worker was killed because it took too long."""
    error: str = ""
    """What `callback` raised."""
    tell: bool = True
    """Whether it is reported."""
    result: Any = None
    """Its result, if it is not reported; there is no callback then."""


def deliver(task: Task, result: Any, emit: Emitter) -> None:
    """Call the callback of `task`, and report it; an exception of the callback goes into ``task.error``."""
    if task.callback is None:
        return
    emit.receive("callback", id=task.ticket)
    emit.begin("callback", id=task.ticket)
    try:
        task.callback(result)
    except Exception as error:  # noqa: BLE001 - the next callback must still be called
        task.error = f"{type(error).__name__}: {error}"
        emit.mark("error in pool", error=task.error)
    emit.end("callback")


class UnmanagedPool(Pool):
    """A Pool whose worker-handler thread has nothing to do, because it does not know the workers.

    The original replaces workers that have ended. Here a new Pool does, because this one may have
    lost its locks; and it starts its workers in the main thread, because a process that is started in
    another thread would inherit what the main thread is just opening. The original also wakes
    whenever a result can be read, so that it spins as long as a callback keeps the result-handler
    thread from reading it: 45 % of the parent's CPU time in a crawl.
    """

    _change_notifier: Any
    _pool: list[BaseProcess]
    _inqueue: Any
    _outqueue: Any

    def __init__(self, context: ForkContext, names: Sequence[str], initargs: tuple[Any, ...]) -> None:
        """Start a worker for each of `names`; `initargs` are for `init_worker`."""
        self._names = iter(names)
        super().__init__(len(names), init_worker, initargs, context=context)

    def Process(self, ctx: ForkContext, **kwargs: Any) -> BaseProcess:  # type: ignore[override] # noqa: N802
        """Make a worker whose name is its role, ``worker-3``, instead of ``Process-7``."""
        process = ctx.Process(**kwargs, name=next(self._names))
        allow_early_death(process)
        return process

    def _setup_queues(self) -> None:
        super()._setup_queues()  # type: ignore[misc]
        enlarge(self._outqueue._writer.fileno())  # noqa: SLF001 - results, which wait for a callback to end

    def _repopulate_pool(self) -> None:
        super()._repopulate_pool()  # type: ignore[misc]
        self.workers = list(self._pool)
        self._pool.clear()

    def _get_sentinels(self) -> list[Any]:
        return [self._change_notifier._reader]  # noqa: SLF001 - as in ThreadPool

    @staticmethod
    def _help_stuff_finish(inqueue: Any, task_handler: threading.Thread, size: int) -> None:  # noqa: ARG004
        """Empty the pipe of tasks, in which the task handler may be stuck, by bytes.

        The original reads whole tasks, and fails if a worker was killed when it had read half of one.
        """
        reader = inqueue._reader  # noqa: SLF001 - as the original
        while task_handler.is_alive() and reader.poll(0.01):
            os.read(reader.fileno(), 1 << 16)

    def end(self) -> None:
        """End as `terminate` does, even if killed workers had locks; leave nothing open.

        The workers must have ended. So a lock that cannot be had is a dead worker's: it is given
        back, because `terminate` would wait for it for ever.
        """
        for lock in (self._inqueue._rlock, self._outqueue._wlock):  # noqa: SLF001 - those that workers take
            lock.acquire(timeout=_OWN_S)
            lock.release()
        self.terminate()
        for queue in (self._inqueue, self._outqueue, self._change_notifier):
            queue.close()


class Generation:
    """A Pool, its tasks and its workers."""

    def __init__(
        self,
        context: ForkContext,
        names: Sequence[str],
        children: Children,
        extra_args: tuple[Any, ...],
        emit: Emitter,
    ) -> None:
        """Start a worker for each of `names`, to be watched by `children`; the rest as in `ResilientPool`."""
        self._emit = emit
        self.notes, self._notes_writer = channel()
        os.set_blocking(self.notes.fileno(), False)
        self._sender, self._receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._pool = UnmanagedPool(context, names, (self._notes_writer, self._receiver, extra_args, emit))
        self.workers = {process.pid or 0: children.adopt(process) for process in self._pool.workers}
        """By PID; those that have not ended."""
        self.names = {process.pid or 0: process.name for process in self._pool.workers}
        """By PID; of all workers."""
        self.up: set[int] = set()
        """PIDs of the workers that are ready for tasks."""
        self.tasks: dict[int, Task] = {}
        """Tasks that were sent and are not done, by ticket."""
        self.ending = False
        self._ending: threading.Thread | None = None

    def put(self, task: Task) -> None:
        """Send `task`, and have an idle worker take what lies in the socket."""
        self.tasks[task.ticket] = task
        if task.tell:
            self._emit.send("submit", id=task.ticket)
        pickled = pickle.dumps((task.ticket, task.func, task.args, task.tell))
        socket.send_fds(self._sender, [pickled], [task.conn.fileno()] if task.conn else [])
        self._pool.apply_async(run_next_task, callback=self._deliver, error_callback=self._report)

    def _deliver(self, outcome: tuple[int, Any] | None) -> None:
        """In the Pool's result-handler thread: pass a result on; an exception here would end the thread."""
        if outcome is None:
            return
        ticket, result = outcome
        task = self.tasks.get(ticket)
        if task and task.callback:
            deliver(task, result, self._emit)
            self._notes_writer(("delivered", 0, ticket, None))

    def _report(self, error: BaseException) -> None:
        self._emit.mark("error in pool", error=f"{type(error).__name__}: {error}")

    def read_notes(self) -> Iterator[tuple[str, int, int, Any]]:
        """Yield the notes that are there: what happened, to which PID, with which ticket, which result."""
        with contextlib.suppress(BlockingIOError):  # all were read already, after the end of a worker
            yield from self.notes.read() or []

    def take_back(self) -> list[Task]:
        """Take the tasks out of the socket that no worker has taken, and return them."""
        back = []
        self._receiver.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                pickled, fds, _, _ = socket.recv_fds(self._receiver, TASK_BYTES, 1)
                for fd in fds:
                    os.close(fd)  # the original is still ours
                back.append(self.tasks.pop(pickle.loads(pickled)[0]))  # noqa: S301 - written by us
        return back

    def wait_for_notes(self, read_notes: Callable[[], None]) -> None:
        """Call `read_notes` until it is known which worker has each task, for `NOTE_S` at most.

        A worker that is killed after it took a task and before it noted that leaves no note: a task
        without one by then was that worker's.
        """
        deadline = time.monotonic() + NOTE_S
        while True:
            read_notes()
            unknown = any(not task.pid for task in self.tasks.values())
            left = max(deadline - time.monotonic(), 0.0)
            if not unknown or not wait_ready([self.notes], left):
                return

    def end_pool(self) -> None:
        """Begin to end the Pool, whose workers are gone, in a thread: it can take long."""
        self._ending = threading.Thread(target=self._pool.end, daemon=True)
        self._ending.start()

    def join(self) -> None:
        """Wait until the Pool has ended, for 2 s at most."""
        if self._ending:
            self._ending.join(_END_S)

    def close(self) -> None:
        """Close the pipes; the workers are gone."""
        self.notes.close()
        self._notes_writer.close()
        self._sender.close()
        self._receiver.close()
