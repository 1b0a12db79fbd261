"""A program of the user, watched: an iterator of events, as a run of a demo is.

The program emits nothing. The events are what the sampler sees (kind `state`), an X-ray if it hangs (the mark
``xray`` with the verdict, and a result ``thread`` for each thread), and at the end the result ``summary``.
If looking fails, for whatever reason, the program runs on, and its end is still awaited.
"""

import os
import select
import signal
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Any

from procdemo.demo.events import CIRCLE, CODE, OBSERVER, SUMMARY, THREAD, Event, Kind
from procdemo.demo.settings import pip_install
from procdemo.demo.states import State
from procdemo.probe import hang, snapshot, stillness, xray_rows
from procdemo.probe.hang import Verdict
from procdemo.probe.left_names import LeftNames
from procdemo.probe.lock_holders import Look
from procdemo.probe.sampler import Sampler
from procdemo.runtime.closer_look import CloserLook, idle_since, reads_terminal, waits_for_children
from procdemo.runtime.output_relay import OutputRelay
from procdemo.runtime.sampling import Sampling
from procdemo.runtime.signal_pipe import SignalPipe
from procdemo.runtime.watch_end import Left, left_by, summary
from procdemo.runtime.watched_program import WatchedProgram, WatchOptions

XRAY, GOES_ON, PAUSES, BLIND = "xray", "goes-on", "pauses", "blind"
"""Names of marks: a picture follows; the program goes on after a hang; it is stopped, and we with it; looking
has failed."""

OUTPUT, READS_TERMINAL = "output", "reads-terminal"
"""The same, only with ``--live``: what the program writes; it waits for a person to type."""

_NOTICE_S, _FEW = 0.2, 100  # so often it is noted which threads stand still, if they are so few
_SHARE = 0.016  # of one CPU, for the sampler's looks: with all the rest less than 3 %
_SLOWEST_S = 0.1  # between two looks, in a program that runs for long
_LONG_SEARCH_S = 5.0  # for the holders of locks, if the first search has not found them on a busy machine
_GRACE_S = 2.0  # between SIGTERM and SIGKILL
_SAME_SIGNAL_S = 0.2  # within which the program ends, too, if it was sent to both
_PAUSE_S = 0.01
_STOPPED_BY_TERMINAL = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


class Watching:
    """Watches a program that runs already; an iterator of its events, the summary last."""

    def __init__(
        self,
        program: WatchedProgram,
        options: WatchOptions,
        signals: SignalPipe,
        when_no_event: Callable[[], object] = lambda: None,
        output: OutputRelay | None = None,
    ) -> None:
        """Watch `program`.

        Args:
            program: it.
            options: what was asked for.
            signals: those of this process.
            when_no_event: called a few times a second, e.g. to draw.
            output: what the program writes, if that is to be among the events (not in a record).
        """
        self._program = program
        self._options = options
        self._signals = signals
        self._when_no_event = when_no_event
        self._output = output
        self._reads_terminal = False
        self._sampling = Sampling(program.pid, 0, program.started_ns)
        self._stillness = stillness.Stillness(options.still_s)
        self._names = LeftNames(program.names_before)
        self._limit_at = time.monotonic() + (options.timeout_s or float("inf"))
        self._look: CloserLook | None = None
        self._note_at = 0.0
        self._locks: Look | None = None
        self._search_s = 0.0
        self._verdict: Verdict | None = None
        """The last one that was shown."""
        self._hung = False
        self._blind = False
        self._zombies: set[int] = set()
        self.killed = False
        """Whether the program was ended because it was asked for."""

    def __iter__(self) -> Iterator[Event]:
        _give_way()
        poll = select.poll()
        for fd in (self._signals, *(self._output.filenos() if self._output else ())):
            poll.register(fd, select.POLLIN)
        while self._program.status is None and not self._signals.ending and not self.killed:
            try:
                ready = poll.poll(_NOTICE_S * 1000) if self._blind else self._sampling.poll(poll, _NOTICE_S)
                yield from self._written(poll, ready)
            except Exception as error:  # noqa: BLE001 - the program must not suffer
                yield self._say_blind(error)
            self._signals.drain()
            self._program.note_changes()
            yield from self._stop_too()
            if not self._blind:
                try:
                    yield from self._look_and_judge()
                except Exception as error:  # noqa: BLE001 - as above
                    yield self._say_blind(error)
            self._when_no_event()
        if self._signals.ending:
            self._wait_a_moment()
        yield from self._written(poll, [])
        if self._look:
            self._look.join()
        yield from self._last()

    def _written(self, poll: select.poll, ready: list[tuple[int, int]]) -> Iterator[Event]:
        """Yield what the program has written."""
        if self._output:
            for stream, text in self._output.read():
                yield self._mark(OUTPUT, stream=stream, text=text)
            for fd in {fd for fd, _ in ready} - {self._signals.fileno(), *self._output.filenos()}:
                poll.unregister(fd)  # its end

    def _look_and_judge(self) -> Iterator[Event]:
        yield from self._noted(self._sampling.events())
        self._names.look_if_due(self._program.family)
        sampler = self._sampling.sampler
        if not sampler:
            return
        if self._output and not self._reads_terminal and reads_terminal(sampler):
            self._reads_terminal = True
            yield self._mark(READS_TERMINAL)
        sampler.pacing.share, sampler.pacing.slowest_s = _SHARE, _SLOWEST_S
        if time.monotonic() >= self._note_at:
            self._note(sampler)
        if self._hung and self._verdict and not self._stillness.same(stillness.reason(self._verdict)):
            self._hung = False
            yield self._mark(GOES_ON)
        over = time.monotonic() > self._limit_at
        if self._look is None and (over or self._stillness.wants_look()):
            self._look_closely(None if over else self._stillness.standing())
        elif self._look and self._look.done:
            look, self._look = self._look, None
            self._stillness.paid(look.cpu_s)
            if look.picture is None:
                return
            yield from self._noted(sampler.look())
            self._note(sampler)
            self._locks = look.picture.locks.after(self._locks)
            processes = look.picture.processes.items()
            self._sampling.name({pid: process.given_name for pid, process in processes if process.given_name})
            yield from self._judge(look.picture, is_whole=look.is_whole, over=over)

    def _note(self, sampler: Sampler) -> None:
        idle = idle_since(sampler)
        self._stillness.note(idle, waits_for_children(sampler))
        self._note_at = time.monotonic() + _NOTICE_S * len(idle) / _FEW

    def _look_closely(self, asked: Collection[int] | None, search_s: float = snapshot.SEARCH_S) -> None:
        self._search_s = search_s
        self._stillness.begin_look()
        self._look = CloserLook(self._program, self._signals, search_s, asked, self._locks)

    def _judge(self, picture: snapshot.Snapshot, *, is_whole: bool, over: bool) -> Iterator[Event]:
        verdict = self._stillness.judge(picture)
        hung = stillness.hangs(verdict)
        if over and is_whole:
            self._limit_at = float("inf")
            verdict = verdict if hung else self._stillness.judge(picture, as_seen=True)
        elif not hung or (self._hung and self._verdict and stillness.same_hang(verdict, self._verdict)):
            return
        elif not is_whole:  # it seems to hang: look at all its processes
            self._look_closely(None)
            return
        elif "not known" in verdict.answer and self._search_s < _LONG_SEARCH_S:  # it hangs: there is time
            self._look_closely(None, _LONG_SEARCH_S)
            return
        self._hung, self._verdict = hung, verdict
        yield from self._picture(verdict, "it hangs" if hung else "time limit")
        if self._options.kill:
            self.killed = True
            self._program.kill_family(_GRACE_S)

    def _picture(self, verdict: Verdict, why: str) -> Iterator[Event]:
        told = xray_rows.facts(verdict)
        at = f"{(time.monotonic_ns() - self._program.started_ns) / 1e9:.1f} s"
        lines = list(hang.lines_of(verdict, verdict.circle))
        hint = {"hint": pip_install("py-spy")} if xray_rows.lacks_py_spy(verdict) else {}
        yield self._mark(XRAY, why=why, at=at, lines=lines, **told, **hint)
        for row in xray_rows.rows(verdict):
            yield self._event(Kind.RESULT, THREAD, {**row, "picture": at})
        for piece in xray_rows.code(verdict):
            yield self._mark(CODE, **piece)
        yield self._mark(CIRCLE, picture=at, threads=[list(node) for node in verdict.circle])

    # --- signals and the end

    def _stop_too(self) -> Iterator[Event]:
        """Stop as the program has stopped, so that the shell notices; go on with it.

        By Ctrl-Z the terminal stops a whole job; but a program may ignore it, and we must not stop then. So
        we ignore it, and look at what the program does.
        """
        signum = self._program.stopped_by
        if signum in _STOPPED_BY_TERMINAL or (signum and _is_job()):
            self._signals.continued = False
            yield self._mark(PAUSES)
            os.kill(os.getpid(), signal.SIGSTOP)
            self._program.note_changes()
        if self._signals.continued:
            self._signals.continued = False
            self._stillness.begin_anew()
            if self._program.stopped_by:
                self._program.send(signal.SIGCONT)
                self._program.stopped_by = 0

    def _wait_a_moment(self) -> None:
        """Let a program that was sent the same signal end; if it does not, it lives on without us."""
        deadline = time.monotonic() + _SAME_SIGNAL_S
        while self._program.status is None and time.monotonic() < deadline:
            self._program.note_changes()
            time.sleep(_PAUSE_S)  # noqa: TID251 - the signal is no event of ours

    def _last(self) -> Iterator[Event]:
        left = Left({}, [], {})
        if self._program.status is not None:
            left = left_by(self._program, self._zombies, self._names)
        rows = []
        if not self._blind:
            for event in self._noted(self._sampling.last()):
                if event.kind == Kind.RESULT:
                    rows.append(event)
                else:
                    yield event
        yield from rows
        told = summary(self._program, left, self._verdict, hung=self._hung, killed=self.killed)
        yield self._event(Kind.RESULT, SUMMARY, told)

    # --- events

    def _noted(self, events: list[Event]) -> Iterator[Event]:
        """Yield events; remember which processes are zombies."""
        for event in events:
            if event.kind == Kind.STATE and event.name == State.ZOMBIE:  # gone: it is ours, or was waited for
                self._zombies.add(event.pid)
            yield event

    def _say_blind(self, error: Exception) -> Event:
        self._blind = True
        self._sampling.close()
        return self._mark(BLIND, text=f"{type(error).__name__}: {error}")

    def _mark(self, name: str, **data: Any) -> Event:
        return self._event(Kind.MARK, name, data)

    def _event(self, kind: Kind, name: str, data: dict[str, Any]) -> Event:
        own = os.getpid()
        return Event(str(kind), name, data, time.monotonic_ns(), own, own, OBSERVER)


def _is_job() -> bool:
    """Return whether we are a job of a shell, which would notice that the program is stopped."""
    parent = os.getppid()
    try:
        return os.getsid(parent) == os.getsid(0) and os.getpgid(parent) != os.getpgrp()
    except OSError:
        return False


def _give_way() -> None:
    """Let the program have its turns: from now on, this process interrupts no other when it wakes.

    If it did, the program would often lose its turn while it holds the lock of a queue, and all its other
    processes would wait for that lock. The policy does that, not the priority (sched(7), SCHED_BATCH).
    """
    with suppress(OSError):  # forbidden in some containers
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
