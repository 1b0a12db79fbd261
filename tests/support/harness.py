"""The black-box harness: run the installed command as a user does, and check everything from outside.

The test process is a sub-reaper, so an orphan becomes its child, whatever group or session the orphan has
moved to. Each command gets a session, a temporary directory and a mark in its environment of its own; by the
mark its descendants are told from other processes. Every wait is for an event and has an end: at the hard
limit, which is longer on a busy machine (time_limit.py), the whole tree is killed, and the test fails with
all output.

    with Command("echo-server", "--json", "--port", "0") as server:
        port = server.wait_event("listening").data["port"]
        server.signal(signal.SIGTERM)
        server.finish(within=2).assert_clean(status=0, port=port)
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, Self

from oracle import Result
from processes import Process, describe, tree
from speech import Speech
from time_limit import TimeLimit
from traces import GONE_S, Traces
from waiting import wait_until

from procdemo.demo.events import Event


def _installed_command() -> list[str]:
    beside = Path(sys.executable).parent / "procdemo"
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "procdemo"]


PROCDEMO = _installed_command()


class Command:
    """One run of the command (or of another `program`), as a context manager."""

    def __init__(
        self,
        *args: str,
        start_method: str | None = None,
        env: Mapping[str, str] | None = None,
        limit: float = 30.0,
        stdin: int = subprocess.DEVNULL,
        stdout: int | None = None,
        program: Sequence[str] = PROCDEMO,
        cwd: Path | None = None,
    ) -> None:
        """Start it.

        Args:
            args: its arguments.
            start_method: adds ``--start-method``.
            env: set in its environment, which has none of the variables that change what it does.
            limit: hard limit in seconds of the whole run.
            stdin: as for `subprocess.Popen`; `subprocess.PIPE` gives `stdin`.
            stdout: a descriptor to write to instead of the harness.
            program: what to run, without `args`.
            cwd: the directory to run it in.
        """
        chosen = ["--start-method", start_method] if start_method else []
        self.args = [*program, *args, *chosen]
        self._traces = Traces()
        self.result: Result | None = None
        self._popen = subprocess.Popen(
            self.args,
            env=self._traces.environment(env or {}),
            stdin=stdin,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
            cwd=cwd,
        )
        self.pid = self._popen.pid
        self._traces.began(self.pid)
        self.stdin = self._popen.stdin
        self._started, self._signalled = time.monotonic(), 0.0
        self._limit = TimeLimit(limit)
        self._pidfd = os.pidfd_open(self.pid)
        self._speech = Speech(self._popen, self._pidfd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kill_all()
        self._popen.wait()
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._speech.close()
        os.close(self._pidfd)
        wait_until(self._traces.reap, what="the last orphan comes to us")
        self._traces.erase()

    @property
    def stdout(self) -> str:
        """What it has written so far."""
        return self._speech.said["stdout"].decode("utf-8", "surrogateescape")

    @property
    def stderr(self) -> str:
        """What it has written so far."""
        return self._speech.said["stderr"].decode("utf-8", "surrogateescape")

    @property
    def events(self) -> list[Event]:
        """The events so far, with ``--json``; each complete line of stdout must be one."""
        try:
            return self._speech.events()
        except ValueError as error:
            self._fail(str(error))

    @property
    def running(self) -> bool:
        """Whether the command itself has not ended yet."""
        return self._popen.poll() is None

    def wait_for(self, condition: Callable[[], Any], limit: float = 10.0, what: str = "the condition") -> Any:
        """Return the first true value of `condition`, which is called after every new output."""
        time_limit = TimeLimit(limit)
        while not (value := condition()):
            if not self.running:
                self._speech.listen(0)
                return condition() or self._fail(f"ended before {what}")
            self._fail_if_passed(time_limit, f"no {what}")
            self._listen(0.02)
        return value

    def wait_event(self, which: str | Callable[[Event], Any], nth: int = 1, limit: float = 10.0) -> Event:
        """Wait for the `nth` event of this name (or for which this predicate is true), and return it."""
        wanted = (lambda event: event.name == which) if isinstance(which, str) else which

        def found() -> Event | None:
            matches = [event for event in self.events if wanted(event)]
            return matches[nth - 1] if len(matches) >= nth else None

        event: Event = self.wait_for(found, limit, f"event {which!r} number {nth}")
        return event

    def wait_line(self, pattern: str, limit: float = 10.0) -> re.Match[str]:
        """Wait for `pattern` in stdout, and return the match; ``^`` and ``$`` are the ends of a line."""
        expression = re.compile(pattern, re.MULTILINE)
        match: re.Match[str] = self.wait_for(lambda: expression.search(self.stdout), limit, repr(pattern))
        return match

    def pause(self, seconds: float) -> None:
        """Let it run for so many seconds, or until it ends."""
        deadline = time.monotonic() + seconds
        while (rest := deadline - time.monotonic()) > 0 and self.running:
            self._listen(min(rest, 0.02))

    def signal(self, signum: int) -> None:
        """Signal the command itself."""
        self._traces.look()
        self._signalled = time.monotonic()
        signal.pidfd_send_signal(self._pidfd, signum)

    def signal_group(self, signum: int) -> None:
        """Signal its process group, as a terminal does."""
        self._traces.look()
        self._signalled = time.monotonic()
        os.killpg(self.pid, signum)

    def descendants(self) -> dict[int, Process]:
        """Return the processes under the command."""
        return tree(self.pid)

    def old_zombies(self, age: float = 1.0) -> set[int]:
        """Return descendants that are zombies now and still are after `age` seconds (O4)."""
        now = {pid for pid, process in self.descendants().items() if not process.alive}
        limit = TimeLimit(age)
        while now and not limit.passed:
            self._listen(0.02)
            now &= {pid for pid, process in self.descendants().items() if not process.alive}
        return now

    def finish(self, within: float | None = None) -> Result:
        """Wait for its end, at most `within` seconds after the last signal (or now); find what is left."""
        limit = self._limit if within is None else TimeLimit(within, self._signalled or None)
        while self.running:
            self._fail_if_passed(limit, "not ended")
            self._listen(0.02)
        seconds = time.monotonic() - (self._signalled or self._started)
        gone = TimeLimit(GONE_S)
        while (survivors := self._traces.survivors()) and not gone.passed:
            self._listen(0.005)
            self._traces.reap()
        self._speech.listen_to_the_end()
        self._traces.reap()
        self.result = Result(
            args=self.args,
            status=self._popen.returncode,
            stdout=self._speech.said["stdout"].decode(),
            stderr=self._speech.said["stderr"].decode(),
            seconds=seconds,
            survivors=[describe(process) for process in survivors.values()],
            temporary=self._traces.temporary(),
            shared_memory=self._traces.shared_memory(),
        )
        return self.result

    def _listen(self, seconds: float) -> None:
        self._speech.listen(seconds)
        self._traces.look()

    def _fail_if_passed(self, limit: TimeLimit, what: str) -> None:
        for each in (limit, self._limit):
            if each.passed:
                self._fail(f"HANG: {what} within {each}")

    def _kill_all(self) -> None:
        """Kill until no process is left: pools replace what is killed."""

        def none_left() -> bool:
            self._popen.poll()
            left = self._traces.survivors()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._traces.reap()
            return not left

        wait_until(none_left, what="the end of all processes")

    def _fail(self, message: str) -> NoReturn:
        with contextlib.suppress(BlockingIOError):
            self._speech.listen(0)
        left = [describe(process) for process in self._traces.survivors().values()]
        self._kill_all()
        raise AssertionError(
            f"{message}\n$ {' '.join(self.args)}\nalive: {left}\n"
            f"--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}\n---"
        )


def run(*args: str, within: float | None = None, **options: Any) -> Result:
    """Run the command to its end."""
    with Command(*args, **options) as command:
        return command.finish(within)
