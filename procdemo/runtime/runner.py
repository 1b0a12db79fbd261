"""Run a demo in a process group of its own, and yield the events that it reports.

The command forks the guardian and the demo's main process, and then only reads and draws. All other
processes of the demo are descendants of the main process. If the command leaves the block, it ends all of
them, and waits until they are gone. If the command is killed, the guardian does that.

    with Runner(run, config) as runner:
        for event in runner:
            ...
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from procdemo.demo.events import ERROR, STDERR, SUMMARY, Event, Kind
from procdemo.demo.settings import DemoSettings
from procdemo.process import shortage, subreaper
from procdemo.process.guardian import Guardian
from procdemo.process.readiness import wait_ready
from procdemo.process.record_pipe import channel
from procdemo.runtime.bootstrap import STOPPING, Run, run_child
from procdemo.runtime.last_words import LastWords
from procdemo.runtime.own_children import OwnChildren
from procdemo.runtime.sampling import Sampling
from procdemo.runtime.stdin_relay import StdinRelay

if TYPE_CHECKING:
    from procdemo.runtime.pausing import Pausing

_NOTICE_S = 0.2  # how long the end of main or an expired limit may go unnoticed
_GATHER_S = 0.005  # a pause in which events gather; no reader sees five milliseconds
_MAIN_S = 0.5  # for main to end by itself after the command has stopped reading
_PAUSE_S = 0.001
_END_S = 2.0  # for all processes to be gone after main has ended, or after `Runner.kill`


class Runner:
    """One run of `run(config, emit)`; an iterator of `Event`, the summary last."""

    def __init__(
        self,
        run: Run,
        config: DemoSettings,
        *,
        limit: float | None = None,
        patience: float = 5.0,
        answers: StdinRelay | None = None,
        when_no_event: Callable[[], float] = lambda: _NOTICE_S,
        sample: bool = False,
        pausing: "Pausing | None" = None,
    ) -> None:
        """Prepare; nothing runs before the block is entered.

        Args:
            run: a pattern's main process, from top to bottom.
            config: its settings.
            limit: seconds after which the demo is stopped, None for no limit.
            patience: seconds between a request to stop and SIGKILL for all that is left.
            answers: the demo's stdin; without it, nothing is there to be read.
            when_no_event: called if no event waits, e.g. to draw; returns within how many seconds again.
            sample: look at the processes of the demo from outside; events of kind `state` say what they do.
            pausing: what may pause the demo; within the block this process has its clock, too.
        """
        self._run = run
        self._config = config
        self._limit = limit
        self._patience = patience
        self._answers = answers
        self._when_no_event = when_no_event
        self._sample = sample
        self._pausing = pausing
        self._go_on = pausing.go_on if pausing else lambda: None
        self._sampling: Sampling | None = None
        self._kill_at = self._stop_at = self._wake_at = float("inf")
        self.pid = 0
        self.started_ns = 0
        self.timed_out = False

    def __enter__(self) -> Self:
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:  # inherited; exit statuses would be lost
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        self._children = OwnChildren()
        self.started_ns = time.monotonic_ns()
        try:
            self._reader, writer = channel()
            errors, error_writer = os.pipe()
            self._guardian = Guardian()
            self.pid = os.fork()
        except OSError as error:  # the command ends, and with it the guardian, if that is there
            raise shortage.named(error) or error from error
        if self.pid == 0:
            run_child(
                self._run,
                self._config,
                writer,
                self._guardian,
                error_writer=error_writer,
                answers=self._answers,
                patience=self._patience,
                clock=self._pausing.clock if self._pausing else None,
            )
        self._errors = os.fdopen(errors, "rb", buffering=0)
        if self._answers:
            self._answers.close_reading_end()
        writer.close()
        os.close(error_writer)
        self._guardian.close_main_ends()
        self._children.belong_to(self.pid, self._guardian)
        if self._pausing:
            self._pausing.begin(self.pid)
        if self._limit:
            self._stop_at = time.monotonic() + self._limit
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # a Ctrl-C from before is raised here
            subreaper.adopt_orphans()
            self._sampling = Sampling(self.pid, self._guardian.pid, self.started_ns) if self._sample else None
        except BaseException:
            self._leave()
            raise
        return self

    def while_importing(self) -> contextlib.AbstractContextManager[None]:
        """Look at the processes within the block, too, whenever a module is imported."""
        return self._sampling.while_importing() if self._sampling else contextlib.nullcontext()

    @property
    def may_be_paused(self) -> bool:
        """Whether main runs, and nothing has asked it to end."""
        return self._children.status is None and self._kill_at == float("inf")

    def stop(self) -> None:
        """Ask the demo to end; a server drains. What is left after `patience` is killed."""
        self._kill_at = min(self._kill_at, time.monotonic() + self._patience)
        if self._children.status is None:
            with contextlib.suppress(ProcessLookupError):  # reaped this very moment
                os.kill(self.pid, signal.SIGTERM)
            self._go_on()
            self._wake_main()

    def _wake_main(self) -> None:
        """Continue main if it is stopped, and end its system call if a request to stop came too early.

        A handler in Python runs between two instructions. If a signal comes after the last look for
        one and before a system call begins, that call waits all the same, until the next signal
        (library/signal, Execution of Python signal handlers). So `bootstrap` handles SIGCONT.
        """
        self._wake_at = time.monotonic() + _NOTICE_S
        if self._children.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)

    def _wake_main_if_due(self) -> None:
        if time.monotonic() > self._wake_at:
            self._wake_main()

    def kill(self) -> None:
        """End every process of the demo at once."""
        self._go_on()
        signum = signal.SIGKILL
        if self._guardian.end_demo():
            # The guardian kills them. Until then they must not report each other's end.
            signum = signal.SIGSTOP
            self._kill_at = time.monotonic() + _END_S
        # The group may be empty; macOS refuses to signal a group of zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._children.status is None:
                os.kill(self.pid, signum)
            os.killpg(self.pid, signum)

    def __iter__(self) -> Iterator[Event]:
        summary: Event | None = None
        last_words = LastWords()
        for event in self._events():
            last_words.note(event)
            if event.kind == Kind.RESULT and event.name == SUMMARY:
                summary = event
                self._kill_at = min(self._kill_at, time.monotonic() + self._patience)
            else:
                yield event
        self._await_main()
        if self._sampling:
            yield from self._sampling.last()
        yield summary or self._event("result", SUMMARY, last_words.summary(self.pid, self._children.status))

    def _events(self) -> Iterator[Event]:
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.register(self._errors, select.POLLIN)
        poll.register(self._guardian, 0)  # its end is always reported
        open_pipes = 2
        give_up = float("inf")
        while open_pipes:
            ready = poll.poll(0)
            if not ready:
                seconds = min(self._when_no_event(), _NOTICE_S)
                ready = self._sampling.poll(poll, seconds) if self._sampling else poll.poll(seconds * 1000)
                time.sleep(_GATHER_S)  # noqa: TID251 - one bulk read costs less than many small ones
            for fd, _ in ready:
                if fd == self._guardian.fileno():
                    poll.unregister(fd)
                    yield from self._on_guardian_end()
                elif (batch := self._read(fd)) is not None:
                    yield from batch
                else:
                    poll.unregister(fd)
                    open_pipes -= 1
            if self._sampling:
                yield from self._sampling.events()
            self._reap_and_apply_limits()
            if self._children.status is not None:  # main has ended: what else has its pipes open is killed
                if give_up == float("inf"):
                    give_up = time.monotonic() + _END_S
                    self.kill()
                if time.monotonic() > give_up:
                    return

    def _on_guardian_end(self) -> Iterator[Event]:
        """Stop the demo if the guardian was killed.

        Otherwise, if the command were killed next, nothing would end the demo.
        """
        if not self._guardian.end_requested:
            message = f"the guardian (PID {self._guardian.pid}) was killed, so the demo ends"
            yield self._event("mark", ERROR, {"message": message, "hint": "run it again"})
            self.stop()

    def _read(self, fd: int) -> list[Event] | None:
        if fd == self._reader.fileno():
            records = self._reader.read()
            if records and self._sampling:
                self._sampling.note(records)
            return None if records is None else list(map(Event._make, records))
        lines = self._errors.read(65536).splitlines()
        return [self._event("mark", STDERR, {"text": line}) for line in lines] or None

    def _event(self, kind: str, name: str, data: dict[str, Any]) -> Event:
        """Return an event that the command adds in the name of the main process."""
        return Event(kind, name, data, time.monotonic_ns(), self.pid, 0, "main")

    def _reap_and_apply_limits(self) -> None:
        """Reap ended processes; stop or kill the demo if a time limit has passed."""
        self._children.reap()
        now = time.monotonic()
        if now > self._stop_at and self._children.status is None:
            self._stop_at = float("inf")
            self.timed_out = True
            self.stop()
        self._wake_main_if_due()
        if now > self._kill_at:
            self._kill_at = float("inf")
            self.kill()

    def _await_main(self) -> None:
        """Wait until main has ended: its pipes close an instant before that."""
        deadline = time.monotonic() + _END_S
        while self._children.status is None and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)  # noqa: TID251 - no event tells of it
            self._children.reap()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        self._stop_main()
        if not self._guardian.end_requested:
            self.kill()
        begin = time.monotonic()
        while self._children.reap() and self._children.are_left() and time.monotonic() < begin + 2 * _END_S:
            if time.monotonic() > begin + _END_S:  # the guardian is gone, or stopped
                self.kill()
                # And theirs: they have become ours.
                subreaper.kill_children(self.started_ns, self._children.include)
            time.sleep(_PAUSE_S)  # noqa: TID251 - no event tells of the end of processes of others
        if self._sampling:
            self._sampling.close()
        self._guardian.close()
        self._reader.close()
        self._errors.close()
        if self._pausing:
            self._pausing.end()

    def _stop_main(self) -> None:
        """Ask main to end, and give it some time to do so by itself."""
        deadline = time.monotonic() + _MAIN_S
        ends = [self._reader.fileno(), self._errors.fileno()]
        self.stop()
        while self._children.status is None and time.monotonic() < deadline:
            for fd in wait_ready(ends, _GATHER_S):
                self._read(fd)  # or main would wait for room in the pipe
            self._children.reap()
            self._wake_main_if_due()
