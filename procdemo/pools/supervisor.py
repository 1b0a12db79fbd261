"""Workers that share nothing: a private pipe each, one item at a time, and a parent that sees every end.

A `multiprocessing.Pool` hangs when a worker is killed (python/cpython#96062), because its workers
share locks, and because nobody knows who had which task. Here the only other end of a worker's
pipe is the parent's; whatever happens to the worker, the pipe holds what it has said, and its
sentinel says that there will be no more. So the parent waits for both, of all workers at once:

    parent --item--> [pipe] --> worker-0        pipe readable: an answer
           <-answer-            (sentinel)      sentinel readable: dead; what did the pipe still hold?

Who dies before it has done anything is replaced after a pause that doubles, and when none of
several in a row comes up, nobody pretends that there is still hope.
"""

import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from multiprocessing.context import ForkContext
from typing import Any, Self

from procdemo.demo.events import Emitter
from procdemo.pools.supervised_worker import ALIVE, BOOT_S, LEAVE_S, READY, SupervisedWorker
from procdemo.process.backoff import Backoff
from procdemo.process.exit_status import cause

__all__ = ["READY", "STORY", "Supervisor"]

STORY = {
    "died": "{worker} (PID {worker_pid}) is dead, {cause}: it had {hand}",
    "overdue": "{worker} has had item {item} for {seconds:.1f} s, too long: killing PID {worker_pid}",
    "not up": "{worker} has not come up in {seconds:.0f} s: killing PID {worker_pid}",
    "not started": "{worker} could not be started: {error}",
    "back-off": "a pause of {seconds} s before the next worker is started",
    "hopeless": "no worker comes up, in {rounds} rounds of trying: giving up",
    "stopped early": "asked to stop: ending the rest, and naming what is not done",
}
"""Sentences of a supervisor; a pattern's STORY takes them in."""

_BOOT_ROUNDS = 7  # without one worker that came up: 3 s of pauses in all
_ROWS = 20  # of workers that died, in the table
_SIGNALS = {signal.SIGINT, signal.SIGTERM}


class Supervisor:
    """Starts workers, hears them, replaces them; a context manager that ends them.

    In its block SIGINT and SIGTERM arrive only while it waits, so that none comes between an
    answer and the account of it.
    """

    def __init__(
        self, context: ForkContext, serve: Callable[..., None], given: tuple[Any, ...], emit: Emitter
    ) -> None:
        """Prepare; nobody is started before `hire`.

        Args:
            context: multiprocessing with a start method.
            serve: a worker's life, ``serve(pipe, *given, emit)``, at the top level of a module. It
                sends `READY`; then it receives an item and sends an answer, again and again, and
                ends when the pipe does.
            given: its arguments.
            emit: where to report.
        """
        self._context, self._serve, self._given, self._emit = context, serve, given, emit
        self.hopeful = True
        """False once somebody asked to stop, or when no worker comes up."""
        self.deaths = 0
        self._roster: list[SupervisedWorker] = []  # every worker there ever was
        self._crew: list[SupervisedWorker] = []  # those that live, as far as we know
        self._backoff = Backoff()
        self._failed_boots = 0  # rounds of them in a row
        self._last_up = 0.0
        self._born = 0
        self._room = sys.maxsize  # how many workers the system lets us have
        os.register_at_fork(after_in_child=self._close_inherited)

    def __enter__(self) -> Self:
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._crew:
            if worker.up and worker.item is None:
                worker.pipe.close()  # it sees the end, and leaves
            else:
                worker.process.kill()
        leave_at = time.monotonic() + LEAVE_S
        for worker in self._crew:
            worker.process.join(max(leave_at - time.monotonic(), 0))
            worker.process.kill()
            worker.process.join()
            worker.process.close()
            worker.pipe.close()
        self._crew.clear()
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    @property
    def idle(self) -> list[SupervisedWorker]:
        """Those that are up and have nothing in hand."""
        return [
            worker for worker in self._crew if worker.up and worker.item is None and not worker.pipe.closed
        ]

    @property
    def in_hand(self) -> dict[int, str]:
        """Which items somebody has in hand, or had when all was ended, and who."""
        return {
            worker.item: f"in the hands of {worker.name} (PID {worker.pid})"
            for worker in self._roster
            if worker.item is not None
        }

    def hire(self, wanted: int) -> None:
        """Start workers until there are `wanted`; after an early death, once the pause is over."""
        while len(self._crew) < min(wanted, self._room) and self._backoff.over:
            self._start()

    def _start(self) -> None:
        name, born = f"worker-{self._born}", time.monotonic()
        self._born += 1
        try:
            ours, theirs = self._context.Pipe()
        except OSError as error:
            self._not_started(name, error, born)
            return
        args = (theirs, *self._given, self._emit)
        process = self._context.Process(target=self._serve, args=args, name=name, daemon=True)
        worker = SupervisedWorker(name, process, ours, born)
        self._crew.append(worker)  # now already, so that a forked worker closes our end of its own pipe, too
        try:
            process.start()
        except BaseException as error:
            self._crew.remove(worker)
            ours.close()
            if not isinstance(error, OSError):
                raise
            self._not_started(name, error, born)
            return
        finally:
            theirs.close()  # while we have it open, the pipe would not end with the worker
        worker.pid = process.pid or 0
        self._roster.append(worker)

    def _not_started(self, name: str, error: OSError, born: float) -> None:
        self._emit.mark("not started", worker=name, error=str(error)[:200])
        self._room = len(self._crew) or self._room  # no room for more: go on with those that there are
        self._back_off(born, at_boot=True)

    def hear(self) -> Iterator[tuple[SupervisedWorker, int, Any]]:
        """Wait until something happens; yield who had which item in hand, and the answer.

        The answer is None if the worker is dead, and has not said anything before its death.
        """
        ends: dict[Any, SupervisedWorker] = {}
        for worker in self._crew:
            ends[worker.process.sentinel] = worker
            if not worker.pipe.closed:
                ends[worker.pipe] = worker
        for end in self._wait(list(ends)):
            worker = ends[end]
            if worker not in self._crew:
                continue  # buried a moment ago
            if end is worker.pipe:
                yield from self._listen(worker)
            else:
                worker.process.join()  # now its end of the pipe is closed for certain
                yield from self._listen(worker)
                self._bury(worker)
                if (item := worker.lay_down()) is not None:
                    yield worker, item, None
        self._kill_overdue()

    def _wait(self, ends: list[Any]) -> list[Any]:
        """Wait for one of `ends`, until somebody is overdue, or a pause is over."""
        now = time.monotonic()
        times = [worker.until for worker in self._crew]
        soonest = min(times if self._backoff.over else [*times, self._backoff.until], default=now)
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            ready = wait(ends, None if soonest == float("inf") else max(soonest - now, 0))
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        except KeyboardInterrupt:
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            self._emit.mark("stopped early")
            self.hopeful = False
            return []
        return ready

    def _listen(self, worker: SupervisedWorker) -> Iterator[tuple[SupervisedWorker, int, Any]]:
        """Yield what `worker` has said and nobody has heard."""
        was_up = worker.up
        for answer in worker.said():
            self._backoff.worked(worker.born)
            if (item := worker.lay_down()) is not None:
                yield worker, item, answer
        if worker.up and not was_up:
            self._last_up, self._failed_boots = time.monotonic(), 0

    def _bury(self, worker: SupervisedWorker) -> None:
        """Note that `worker` is dead, and of what; all that it has said has been heard."""
        self._crew.remove(worker)
        if not worker.pipe.closed:  # alive! Its fork server is dead, and it knows nobody any more
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGKILL)
            worker.pipe.close()
        worker.cause = cause(worker.process.exitcode)
        if worker.overdue:
            worker.cause += f" after {time.monotonic() - worker.since:.1f} s"
        worker.process.close()
        self.deaths += 1
        hand = "nothing in hand" if worker.item is None else f"item {worker.item} in hand"
        facts = {"worker": worker.name, "worker_pid": worker.pid, "cause": worker.cause}
        self._emit.mark("died", **facts, item=worker.item, hand=hand if worker.up else "not come up yet")
        if not (worker.done or worker.overdue):
            self._back_off(worker.born, at_boot=not worker.up)

    def _back_off(self, born: float, *, at_boot: bool) -> None:
        """Pause before the next start; give up when round after round nobody comes up."""
        if not self._backoff.failed(born):
            return
        self._failed_boots += at_boot
        if self._failed_boots < _BOOT_ROUNDS or any(worker.up for worker in self._crew):
            self._emit.mark("back-off", seconds=self._backoff.pause)
        else:
            self._emit.mark("hopeless", rounds=self._failed_boots)
            self.hopeful = False

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for worker in self._crew:
            if not (worker.up or worker.pipe.closed) and now < self._last_up + BOOT_S:
                worker.until = max(worker.until, self._last_up + BOOT_S)  # others do come up: patience
            if now < worker.until:
                continue
            facts = {"worker": worker.name, "worker_pid": worker.pid}
            if worker.item is not None:
                worker.overdue = True
                self._emit.mark("overdue", **facts, item=worker.item, seconds=now - worker.since)
            elif not worker.up:
                self._emit.mark("not up", **facts, seconds=now - worker.born)
            worker.process.kill()
            worker.until = float("inf")

    def _close_inherited(self) -> None:
        """In a forked child: close our ends, or no worker would see that its pipe has ended."""
        for worker in self._crew:
            worker.pipe.close()

    def sum_up(self, *, everything: bool = False) -> None:
        """Report the result ``workers``: those that lived to the end, and the first that died, or all."""
        dead = [worker for worker in self._roster if worker.cause != ALIVE]
        rest = [] if everything else dead[_ROWS:]
        left_out = set(map(id, rest))
        for worker in self._roster:
            if id(worker) not in left_out:
                row = {"pid": worker.pid, "items": worker.done, "died_of": worker.cause}
                self._emit.result("workers", worker=worker.name, **row)
        if rest:
            causes = Counter(worker.cause for worker in rest).most_common(3)
            died_of = ", ".join(f"{why} ({times})" for why, times in causes)
            items = sum(worker.done for worker in rest)
            self._emit.result("workers", worker=f"{len(rest)} more", pid="-", items=items, died_of=died_of)
