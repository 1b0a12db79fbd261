"""Workers that share nothing: a private pipe each, one item at a time, and a parent that sees every end.

A `multiprocessing.Pool` hangs when a worker is killed (python/cpython#96062), because its workers
share locks, and because the parent does not know which worker had which task. Here the only other
end of a worker's pipe is the parent's. Whatever happens to the worker, the pipe holds what it has
sent, and its sentinel shows that there will be no more. So the parent waits for both, of all
workers at once:

    parent --item--> [pipe] --> worker-0        pipe readable: an answer
           <-answer-            (sentinel)      sentinel readable: dead; what did the pipe still hold?

A worker that dies before it has done anything is replaced after a pause that doubles. If none of
several in a row becomes ready, the supervisor gives up.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.context import ForkContext
from typing import Any, Self

from procdemo.demo.events import Emitter
from procdemo.demo.text import reason_of
from procdemo.pools.supervised_worker import ALIVE, BOOT_S, LEAVE_S, READY, SupervisedWorker
from procdemo.process import exit_status, shortage
from procdemo.process.backoff import Backoff
from procdemo.process.children import Children
from procdemo.process.exit_status import Exit, cause, report_exit
from procdemo.process.readiness import wait_ready
from procdemo.process.selector_loop import SelectorLoop

__all__ = ["READY", "STORY", "Supervisor"]

BLOCKS = (exit_status,)
STORY = {
    "died": "{child} (PID {child_pid}) is dead, {cause}: it had {hand}",
    "overdue": "{worker} has had item {item} for {seconds:.1f} s, too long: killing PID {worker_pid}",
    "not up": "{worker} has not come up in {seconds:.0f} s: killing PID {worker_pid}",
    "not started": "{worker} could not be started: {error}",
    "back-off": "a pause of {seconds} s before the next worker is started",
    "hopeless": "no worker comes up, in {rounds} rounds of trying: giving up",
    "stopped early": "asked to stop: ending the rest, and naming what is not done",
}
"""Sentences of a supervisor. The end of a worker has ``item``, or None, and in words ``hand``, too."""

_BOOT_ROUNDS = 7  # without one worker that became ready: 3 s of pauses in all
_ROWS = 20  # of workers that died, in the table
_SIGNALS = {signal.SIGINT, signal.SIGTERM}

Answer = tuple[SupervisedWorker, int, Any]
"""A worker, the item that it had in hand, and what it sent; None if it died and had sent nothing."""


class Supervisor:
    """Starts workers, and reads their answers; a context manager that ends them.

    A worker that has ended is replaced when the demo's loop next calls `start_missing_workers`, as it
    does in each round.

    In its block SIGINT and SIGTERM arrive only while it waits, so that none comes between an
    answer and the account of it.
    """

    def __init__(
        self, context: ForkContext, serve: Callable[..., None], extra_args: tuple[Any, ...], emit: Emitter
    ) -> None:
        """Prepare; the demo's loop starts and replaces the workers: `start_missing_workers`.

        Args:
            context: multiprocessing with a start method.
            serve: what a worker does, ``serve(pipe, *extra_args, emit)``, at the top level of a
                module. It sends `READY`; then it receives an item and sends an answer, again and
                again, and ends when the pipe does.
            extra_args: its arguments.
            emit: where to report.
        """
        self._context, self._serve, self._extra_args, self._emit = context, serve, extra_args, emit
        self.may_go_on = True
        """False after a request to stop, or when no worker becomes ready."""
        self.interrupted = False
        """Whether there was a request to stop."""
        self.deaths = 0
        self._started: list[SupervisedWorker] = []  # all that ever were
        self._living: dict[str, SupervisedWorker] = {}  # as far as we know; by name
        self._answers: list[Answer] = []  # not returned yet
        self._loop = SelectorLoop()
        self._children = Children(self._loop, self._on_exit)
        self._ending = False
        self._backoff = Backoff()
        self._failed_boots = 0  # rounds of them in a row
        self._last_up = 0.0
        self._numbered = 0
        self._room = sys.maxsize  # how many workers the system lets us have
        os.register_at_fork(after_in_child=self._close_inherited)

    def __enter__(self) -> Self:
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        for worker in self._living.values():
            if worker.child and not (worker.up and worker.item is None):
                worker.child.kill()
            self._close_pipe(worker)  # an idle worker sees the end of its pipe, and ends
        self._children.stop(LEAVE_S)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    @property
    def idle(self) -> list[SupervisedWorker]:
        """The workers that are ready and have nothing in hand."""
        living = self._living.values()
        return [each for each in living if each.up and each.item is None and not each.pipe.closed]

    @property
    def in_hand(self) -> dict[int, str]:
        """Each item that is, or was at the end, with a worker, and a phrase that names the worker."""
        return {
            worker.item: f"in the hands of {worker.name} (PID {worker.pid})"
            for worker in self._started
            if worker.item is not None
        }

    def start_missing_workers(self, wanted: int) -> None:
        """Start workers until `wanted` of them live, but none in the pause that follows an early death."""
        while len(self._living) < min(wanted, self._room) and self._backoff.over:
            self._start_worker()

    def _start_worker(self) -> None:
        name, now = f"worker-{self._numbered}", time.monotonic()
        self._numbered += 1
        try:
            ours, theirs = self._context.Pipe()
        except OSError as error:
            self._not_started(name, error, now)
            return
        worker = SupervisedWorker(name, ours, now)
        self._living[name] = worker  # before the fork, so that it closes its copy of our end, too
        args = (theirs, *self._extra_args, self._emit)
        process = self._context.Process(target=self._serve, args=args, name=name, daemon=True)
        try:
            worker.child = self._children.start(process)
        except BaseException as error:
            del self._living[name]
            ours.close()
            if not isinstance(error, OSError):
                raise
            self._not_started(name, error, now)
            return
        finally:
            theirs.close()  # while we have it open, the pipe would not end with the worker
        self._started.append(worker)
        self._loop.add_reader(ours, partial(self._read, worker))

    def _not_started(self, name: str, error: OSError, now: float) -> None:
        self._emit.mark("not started", worker=name, error=reason_of(error))
        self._room = len(self._living) or self._room  # no room for more: go on with those that there are
        self._back_off(now, at_boot=True)
        if not (self.may_go_on or self._started):
            raise shortage.named(error) or error

    def next_answers(self) -> list[Answer]:
        """Wait until something happens; return the answers there are, and the items of dead workers."""
        if self._wait():
            self._loop.run_once(0)
        self._kill_overdue()
        answers, self._answers = self._answers, []
        return answers

    def _wait(self) -> bool:
        """Wait until a pipe or sentinel is readable, a worker is overdue or a pause is over.

        Returns:
            False if there was a request to stop.
        """
        now = time.monotonic()
        times = [worker.until for worker in self._living.values()]
        soonest = min(times if self._backoff.over else [*times, self._backoff.until], default=now)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            wait_ready([self._loop], soonest - now)
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        except KeyboardInterrupt:
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            self._emit.mark("stopped early")
            self.may_go_on, self.interrupted = False, True
        return self.may_go_on

    def _read(self, worker: SupervisedWorker) -> None:
        """Note the answers that are in the pipe of `worker`; close the pipe if there will be no more."""
        was_up = worker.up
        try:
            for answer in worker.received():
                self._backoff.reset(worker.started)
                if (item := worker.take_back()) is not None:
                    self._answers.append((worker, item, answer))
        except EOFError:
            self._close_pipe(worker)
            worker.until = min(worker.until, time.monotonic() + LEAVE_S)
        if worker.up and not was_up:
            self._last_up, self._failed_boots = time.monotonic(), 0

    def _close_pipe(self, worker: SupervisedWorker) -> None:
        if not worker.pipe.closed:
            self._loop.remove_reader(worker.pipe)
            worker.pipe.close()

    def _on_exit(self, exited: Exit) -> None:
        """Read what the worker has sent before its end, then report that, and what it had in hand."""
        worker = self._living[exited.name]
        if not worker.pipe.closed:
            self._read(worker)
        if not worker.pipe.closed:  # under forkserver the sentinel also ends when the fork server dies:
            with suppress(ProcessLookupError):  # this worker still runs, so kill it by PID
                os.kill(worker.pid, signal.SIGKILL)
            self._close_pipe(worker)
        del self._living[worker.name]
        hand = "nothing in hand" if worker.item is None else f"item {worker.item} in hand"
        report_exit(self._emit, exited, item=worker.item, hand=hand if worker.up else "not come up yet")
        if self._ending and (exited.by or exited.exitcode == 0):
            return  # as it should be
        self.deaths += 1
        worker.cause = cause(exited.exitcode)
        if worker.overdue:
            worker.cause += f" after {time.monotonic() - worker.since:.1f} s"
        if self._ending:
            return
        if not (worker.done or worker.overdue):
            self._back_off(worker.started, at_boot=not worker.up)
        if (item := worker.take_back()) is not None:
            self._answers.append((worker, item, None))

    def _back_off(self, started: float, *, at_boot: bool) -> None:
        """Pause before the next start; give up when in round after round no worker becomes ready."""
        if not self._backoff.begin_pause(started):
            return
        self._failed_boots += at_boot
        if self._failed_boots < _BOOT_ROUNDS or any(worker.up for worker in self._living.values()):
            self._emit.mark("back-off", seconds=self._backoff.pause)
        else:
            self._emit.mark("hopeless", rounds=self._failed_boots)
            self.may_go_on = False

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for worker in self._living.values():
            if not (worker.up or worker.pipe.closed) and now < self._last_up + BOOT_S:
                worker.until = max(worker.until, self._last_up + BOOT_S)  # others do become ready: wait on
            if now < worker.until or not worker.child:
                continue
            data = {"worker": worker.name, "worker_pid": worker.pid}
            if worker.item is not None:
                worker.overdue = True
                self._emit.mark("overdue", **data, item=worker.item, seconds=now - worker.since)
            elif not worker.up:
                self._emit.mark("not up", **data, seconds=now - worker.started)
            worker.child.kill()
            worker.until = float("inf")

    def _close_inherited(self) -> None:
        """In a forked child: close our ends, or no worker would see that its pipe has ended."""
        for worker in self._living.values():
            worker.pipe.close()

    def sum_up(self, *, everything: bool = False) -> None:
        """Report the result ``workers``: those that lived to the end, and the first that died, or all."""
        dead = [worker for worker in self._started if worker.cause != ALIVE]
        rest = [] if everything else dead[_ROWS:]
        left_out = set(map(id, rest))
        for worker in self._started:
            if id(worker) not in left_out:
                row = {"pid": worker.pid, "items": worker.done, "died_of": worker.cause}
                self._emit.result("workers", worker=worker.name, **row)
        if rest:
            causes = Counter(worker.cause for worker in rest).most_common(3)
            died_of = ", ".join(f"{why} ({times})" for why, times in causes)
            items = sum(worker.done for worker in rest)
            self._emit.result("workers", worker=f"{len(rest)} more", pid="-", items=items, died_of=died_of)
