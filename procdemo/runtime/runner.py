"""Perform a demo in a process group of its own, and yield what it reports.

The observer (the command) forks the stage and then only reads and draws; every process of the
demo hangs under the stage. Leaving the block ends all of them, and waits until they are gone:

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
from typing import Any, Self

from procdemo.demo.events import ERROR, STDERR, SUMMARY, Event, Kind
from procdemo.demo.settings import DemoSettings
from procdemo.process import subreaper
from procdemo.process.record_pipe import channel
from procdemo.runtime.bootstrap import STOPPING, Run, run_child
from procdemo.runtime.parent_death import ParentDeathSwitch
from procdemo.runtime.stdin_relay import StdinRelay
from procdemo.runtime.temp_dir import open_temp_dir

_NOTICE_S = 0.2  # how long a dead stage or an expired limit may go unnoticed
_GATHER_S = 0.005  # a pause in which events gather; nobody sees five milliseconds
_PARTING_S = 0.5  # for main to end by itself when nobody listens any more
_FAREWELL_S = 2.0  # for helpers of multiprocessing to end after the stage has


class Runner:
    """One performance of `run(config, emit)`; an iterator of `Event`, the summary last."""

    def __init__(
        self,
        run: Run,
        config: DemoSettings,
        *,
        limit: float | None = None,
        patience: float = 5.0,
        answers: StdinRelay | None = None,
        on_idle: Callable[[], float] = lambda: _NOTICE_S,
    ) -> None:
        """Prepare; nothing runs before the block is entered.

        Args:
            run: a pattern's main process, told from top to bottom.
            config: its settings.
            limit: seconds after which the demo is stopped, None for no limit.
            patience: seconds between a request to stop and SIGKILL for all that is left.
            answers: the demo's stdin; without it, nothing is there to be read.
            on_idle: called whenever no event is waiting, e.g. to draw; returns after how many
                seconds it wants to be called again, though it may be earlier.
        """
        self._run = run
        self._config = config
        self._limit = limit
        self._patience = patience
        self._answers = answers
        self._on_idle = on_idle
        self._kill_at = self._stop_at = self._nudge_at = float("inf")
        self._status: int | None = None
        self._error = ""
        self.pid = 0
        self.started_ns = 0
        self.timed_out = False

    def __enter__(self) -> Self:
        self._lifeline = ParentDeathSwitch()
        self._reader, writer = channel()
        errors, error_writer = os.pipe()
        self._errors = os.fdopen(errors, "rb", buffering=0)
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:  # inherited; exit statuses would be lost
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        wardrobe = open_temp_dir()
        self.started_ns = time.monotonic_ns()
        self.pid = os.fork()
        if self.pid == 0:
            wardrobe.use()
            run_child(
                self._run,
                self._config,
                writer,
                self._lifeline,
                error_writer=error_writer,
                answers=self._answers,
                patience=self._patience,
            )
        if self._answers:
            self._answers.hold()
        writer.close()
        os.close(error_writer)
        os.close(wardrobe.fd)
        self._lifeline.hold()
        if self._limit:
            self._stop_at = time.monotonic() + self._limit
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)  # a Ctrl-C from before is raised here
            subreaper.adopt()
        except BaseException:
            self._leave()
            raise
        return self

    def stop(self) -> None:
        """Ask the demo to end; a server drains. What is left after `patience` is killed."""
        self._kill_at = min(self._kill_at, time.monotonic() + self._patience)
        if self._status is None:
            with contextlib.suppress(ProcessLookupError):  # reaped this very moment
                os.kill(self.pid, signal.SIGTERM)
            self._nudge()

    def _nudge(self) -> None:
        """Have main look up: somebody may have stopped it, or the request came an instant too early.

        A handler in Python runs between two instructions. If a signal comes after the last look for
        one and before a system call begins, that call waits all the same, until the next signal
        (library/signal, Execution of Python signal handlers). `backstage` hears SIGCONT for this.
        """
        self._nudge_at = time.monotonic() + _NOTICE_S
        if self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)

    def _nudge_if_due(self) -> None:
        if time.monotonic() > self._nudge_at:
            self._nudge()

    def kill(self) -> None:
        """End every process of the demo at once."""
        # Perhaps nobody is left; macOS refuses to signal a group of zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._status is None:
                os.kill(self.pid, signal.SIGKILL)
            os.killpg(self.pid, signal.SIGKILL)

    def __iter__(self) -> Iterator[Event]:
        summary: Event | None = None
        for event in self._events():
            if event.kind == Kind.MARK and event.name == ERROR:
                self._error = event.data.get("message", "")
            if event.kind == Kind.RESULT and event.name == SUMMARY:
                summary = event
                self._kill_at = min(self._kill_at, time.monotonic() + self._patience)
            else:
                yield event
        yield summary or self._obituary()

    def _events(self) -> Iterator[Event]:
        poll = select.poll()
        poll.register(self._reader, select.POLLIN)
        poll.register(self._errors, select.POLLIN)
        ends = 2
        gone_at = float("inf")
        while ends:
            ready = poll.poll(0)
            if not ready:
                ready = poll.poll(min(self._on_idle(), _NOTICE_S) * 1000)
                time.sleep(_GATHER_S)  # noqa: TID251 - one bulk read costs less than many small ones
            for fd, _ in ready:
                batch = self._read(fd)
                if batch is None:
                    poll.unregister(fd)
                    ends -= 1
                else:
                    yield from batch
            self._watch()
            if self._status is not None:  # whoever still holds its pipes, and may talk on, has outlived it
                self.kill()
                gone_at = min(gone_at, time.monotonic() + _FAREWELL_S)
                if time.monotonic() > gone_at:
                    return

    def _read(self, fd: int) -> list[Event] | None:
        if fd == self._reader.fileno():
            records = self._reader.read()
            return None if records is None else list(map(Event._make, records))
        lines = self._errors.read(65536).splitlines()
        now = time.monotonic_ns()
        said = [Event("mark", STDERR, {"text": line}, now, self.pid, 0, "main") for line in lines]
        return said or None

    def _watch(self) -> None:
        """Reap whoever has ended; carry out limits that have passed."""
        self._reap()
        now = time.monotonic()
        if now > self._stop_at and self._status is None:
            self._stop_at = float("inf")
            self.timed_out = True
            self.stop()
        self._nudge_if_due()
        if now > self._kill_at:
            self._kill_at = float("inf")
            self.kill()

    def _reap(self) -> bool:
        """Wait for children that have ended, adopted ones too; return whether any are left."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self.pid:
                    self._status = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            return False

    def _obituary(self) -> Event:
        give_up = time.monotonic() + _FAREWELL_S
        while self._status is None and time.monotonic() < give_up:
            select.select([], [], [], 0.001)  # its pipes close an instant before it can be waited for
            self._reap()
        data: dict[str, Any] = {"ok": False}
        if self._status is not None and self._status < 0:
            name = signal.Signals(-self._status).name
            data["reason"] = f"the main process {self.pid} was ended by {name} before it could sum up"
        else:
            data["reason"] = self._error or "ended before it could sum up"
        return Event("result", SUMMARY, data, time.monotonic_ns(), self.pid, 0, "main")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        self._part()
        self._lifeline.release()
        begin = time.monotonic()
        while self._reap() and time.monotonic() < begin + 2 * _FAREWELL_S:
            if time.monotonic() > begin + _FAREWELL_S:
                self.kill()
                subreaper.kill(self.started_ns)  # and the children of each, when they have become ours
            select.select([], [], [], 0.005)
        self._reader.close()
        self._errors.close()

    def _part(self) -> None:
        """End the demo, main by request if it can: killed while it makes a semaphore, it would leave that."""
        give_up = time.monotonic() + _PARTING_S
        ends = [self._reader.fileno(), self._errors.fileno()]
        self.stop()
        while self._status is None and time.monotonic() < give_up:
            for fd in select.select(ends, [], [], _GATHER_S)[0]:
                self._read(fd)  # or main would wait for room to say goodbye
            self._reap()
            self._nudge_if_due()
        if self._status is None:
            self.kill()
