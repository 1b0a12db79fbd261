"""The black-box harness: run the installed command as a stranger would, and trust nothing it says.

The test process is a sub-reaper, so an orphan comes back to it whatever group or session it
moved to. Each command gets a session, a temporary directory and a mark in its environment of
its own; the mark is how its descendants are told from anybody else's. Every wait is for an
event and has an end: at the hard limit the whole tree is killed and the test fails with all
that was said.

    with Command("echo-server", "--json", "--port", "0") as server:
        port = server.wait_event("listening").data["port"]
        server.signal(signal.SIGTERM)
        server.finish(within=2).assert_clean(status=0, port=port)
"""

import contextlib
import ctypes
import errno
import json
import os
import re
import select
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, Self

from procdemo.events import Event

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_GONE_S = 1.0  # O3: how long after the end of the command a descendant may live
_MARK = "HARNESS_RUN"
_OURS = ("PROCDEMO_", "PYTHON", "CLICOLOR", "TTY_")
_STRANGERS = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "CI", "TERM", "COLORTERM", "LC_ALL", "TMPDIR"}
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ALARMING = ("Traceback", "leaked", "Exception ignored", "DeprecationWarning", "ResourceWarning")


def _installed_command() -> list[str]:
    beside = Path(sys.executable).parent / "procdemo"
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "procdemo"]


PROCDEMO = _installed_command()


def adopt_orphans() -> None:
    """Make this process a sub-reaper: orphans among its descendants become its children."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


@dataclass(frozen=True)
class Process:
    """A line of /proc/PID/stat."""

    pid: int
    state: str
    parent: int
    session: int

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return self.state not in "ZX"


def processes() -> dict[int, Process]:
    """Return every process of this machine."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # gone meanwhile
            fields = Path("/proc", name, "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            found[int(name)] = Process(int(name), fields[0], int(fields[1]), int(fields[3]))
    return found


def tree(root: int) -> dict[int, Process]:
    """Return the descendants of `root`, whatever group or session they moved to."""
    everybody = processes()
    found: dict[int, Process] = {}
    todo = [root]
    while todo:
        parent = todo.pop()
        for process in everybody.values():
            if process.parent == parent and process.pid not in found:
                found[process.pid] = process
                todo.append(process.pid)
    return found


def wait_until(condition: Callable[[], Any], limit: float = 10.0, what: str = "the condition") -> Any:
    """Return the first true value of `condition`, asked again and again; fail after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {limit} s")
        select.select([], [], [], 0.005)
    return value


def ended(pidfds: Sequence[int], within: float) -> bool:
    """Wait until each of these processes has ended; return whether they did in time."""
    deadline = time.monotonic() + within
    for pidfd in pidfds:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            return False
    return True


def shared_memory_left(before: set[str], prefix: str = "") -> set[str]:
    """Return new entries of /dev/shm (beginning so) that will stay for ever: no live process uses them.

    A resource tracker tidies up a moment after the end of the processes it is for, so an entry
    counts if it is still there after a second. Other programs on this machine may leave some to
    their own trackers; while there are such, it takes longer to be sure.
    """
    started, looks = time.monotonic(), 0
    new = {name for name in os.listdir("/dev/shm") if name.startswith(prefix)} - before
    while new and (looks < 20 or time.monotonic() < started + _GONE_S * (10 if _strange_trackers() else 1)):
        looks += 1  # on a busy machine a single one can take a second
        select.select([], [], [], 0.02)
        new &= set(os.listdir("/dev/shm"))
        for process in processes():
            with contextlib.suppress(OSError):
                maps = Path(f"/proc/{process}/maps").read_text("utf-8", "replace")
                new = {name for name in new if f"/dev/shm/{name}\n" not in maps}
    return new


def _strange_trackers() -> bool:
    """Return whether a resource tracker runs that is not under this process."""
    for pid in processes().keys() - tree(os.getpid()).keys():
        with contextlib.suppress(OSError):
            if b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return True
    return False


def can_bind(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1 right now."""
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind(("127.0.0.1", port))
            door.listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


@dataclass(frozen=True)
class Result:
    """What a command left when it had ended."""

    args: Sequence[str]
    status: int
    stdout: str
    stderr: str
    seconds: float
    """From the last signal on; without one, from the start."""
    survivors: Sequence[str]
    """Descendants that were alive a second after the end, each as PID and command line."""
    temporary: Sequence[str]
    shared_memory: frozenset[str]

    @cached_property
    def events(self) -> list[Event]:
        """What was said with ``--json``; each line must be an event."""
        return [Event(**json.loads(line)) for line in self.stdout.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        """The data of the last event, which must be the summary."""
        assert self.events, self.told()
        assert self.events[-1].name == "summary", self.told()
        return self.events[-1].data

    def named(self, name: str) -> list[Event]:
        """Return the events of this name."""
        return [event for event in self.events if event.name == name]

    def told(self) -> str:
        """Return all that was said, for the message of a failure."""
        return (
            f"$ {' '.join(self.args)}\nstatus {self.status} after {self.seconds:.2f} s\n"
            f"--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}\n---"
        )

    def assert_clean(
        self, status: int | Sequence[int] = 0, *, port: int | None = None, stderr_lines: int = 3
    ) -> Self:
        """Assert the oracle: right status, nothing left, nothing odd said (O1 is up to `finish`)."""
        wanted = [status] if isinstance(status, int) else status
        assert self.status in wanted, f"O2: wanted {wanted}\n{self.told()}"
        assert not self.survivors, f"O3: still alive: {self.survivors}\n{self.told()}"
        alarms = [word for word in _ALARMING if word in self.stderr]
        assert not alarms, f"O5: {alarms}\n{self.told()}"
        assert self.stderr.count("\n") <= stderr_lines, f"O5: too much on stderr\n{self.told()}"
        assert port is None or can_bind(port), f"O6: port {port} is still taken\n{self.told()}"
        assert not self.temporary, f"O7: left in the temporary directory: {self.temporary}\n{self.told()}"
        assert not self.shared_memory, f"O7: left in /dev/shm: {self.shared_memory}\n{self.told()}"
        for stream in (self.stdout, self.stderr):
            found = _FORBIDDEN.search(stream)
            assert not found, f"O12: {found[0]!r} at {found.start()}\n{self.told()}"
        return self


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
        self._mark = uuid.uuid4().hex
        self._temporary = tempfile.mkdtemp(prefix="pd-", dir="/tmp")  # short: socket names have 107 bytes
        self._shared_memory = set(os.listdir("/dev/shm"))
        self._said = {"stdout": bytearray(), "stderr": bytearray()}
        self._parsed = 0
        self._seen: set[int] = set()
        self._events: list[Event] = []
        self.result: Result | None = None
        for signum in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            if signal.getsignal(signum) is signal.SIG_IGN:  # e.g. tests run by nohup; it would be inherited
                signal.signal(signum, signal.SIG_DFL)
        self._popen = subprocess.Popen(
            self.args,
            env=self._environment(env or {}),
            stdin=stdin,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
            cwd=cwd,
        )
        self.pid = self._popen.pid
        self.stdin = self._popen.stdin
        self._started, self._signalled = time.monotonic(), 0.0
        self._deadline = self._started + limit
        self._limit = limit
        self._pidfd = os.pidfd_open(self.pid)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pidfd, selectors.EVENT_READ, "pidfd")
        for name in self._said:
            stream = getattr(self._popen, name)
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                self._selector.register(stream, selectors.EVENT_READ, name)

    def _environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_OURS) and name not in _STRANGERS
        }
        strict = "error::DeprecationWarning,error::ResourceWarning"
        return {**kept, "PYTHONWARNINGS": strict, "TMPDIR": self._temporary, **changes, _MARK: self._mark}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kill_all()
        self._popen.wait()
        for stream in (self._popen.stdin, self._popen.stdout, self._popen.stderr):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._selector.close()
        os.close(self._pidfd)
        wait_until(self._reap, what="the last orphan comes to us")
        shutil.rmtree(self._temporary)

    @property
    def stdout(self) -> str:
        """What it has written so far."""
        return self._said["stdout"].decode("utf-8", "surrogateescape")

    @property
    def stderr(self) -> str:
        """What it has written so far."""
        return self._said["stderr"].decode("utf-8", "surrogateescape")

    @property
    def events(self) -> list[Event]:
        """The events so far, with ``--json``; each complete line of stdout must be one."""
        said = self._said["stdout"]
        while (stop := said.find(b"\n", self._parsed)) >= 0:
            line, self._parsed = bytes(said[self._parsed : stop]), stop + 1
            try:
                self._events.append(Event(**json.loads(line)))
            except (ValueError, TypeError) as error:
                self._fail(f"not an event ({error}): {line[:300]!r}")
        return self._events

    def _pump(self, seconds: float) -> None:
        """Take in what has been written; return at once if there is something, or if it has ended."""
        for key, _ in self._selector.select(max(seconds, 0)):
            if key.data == "pidfd":
                continue
            data = os.read(key.fd, 1 << 20)
            if data:
                self._said[key.data] += data
            else:
                self._selector.unregister(key.fileobj)

    @property
    def running(self) -> bool:
        """Whether the command itself has not ended yet."""
        return self._popen.poll() is None

    def wait_for(self, condition: Callable[[], Any], limit: float = 10.0, what: str = "the condition") -> Any:
        """Return the first true value of `condition`, asked after every new output."""
        deadline = min(time.monotonic() + limit, self._deadline)
        while not (value := condition()):
            if not self.running:
                self._pump(0)
                return condition() or self._fail(f"ended before {what}")
            if time.monotonic() > deadline:
                self._fail(f"HANG: no {what} within {limit} s")
            self._pump(0.02)
        return value

    def wait_event(self, which: str | Callable[[Event], Any], nth: int = 1, limit: float = 10.0) -> Event:
        """Return the `nth` event of this name (or that fulfils this predicate), waiting for it."""
        wanted = (lambda event: event.name == which) if isinstance(which, str) else which

        def found() -> Event | None:
            matches = [event for event in self.events if wanted(event)]
            return matches[nth - 1] if len(matches) >= nth else None

        event: Event = self.wait_for(found, limit, f"event {which!r} number {nth}")
        return event

    def wait_line(self, pattern: str, limit: float = 10.0) -> re.Match[str]:
        """Return the match of `pattern` in stdout, waiting for it; ``^`` and ``$`` are lines' ends."""
        expression = re.compile(pattern, re.MULTILINE)
        match: re.Match[str] = self.wait_for(lambda: expression.search(self.stdout), limit, repr(pattern))
        return match

    def pause(self, seconds: float) -> None:
        """Let it run for so long, as a person would who does not look at it."""
        deadline = time.monotonic() + seconds
        while (rest := deadline - time.monotonic()) > 0 and self.running:
            self._pump(min(rest, 0.02))

    def signal(self, signum: int) -> None:
        """Signal the command itself."""
        self._signalled = time.monotonic()
        signal.pidfd_send_signal(self._pidfd, signum)

    def signal_group(self, signum: int) -> None:
        """Signal its process group, as a terminal does."""
        self._signalled = time.monotonic()
        os.killpg(self.pid, signum)

    def descendants(self) -> dict[int, Process]:
        """Return the processes under the command."""
        return tree(self.pid)

    def old_zombies(self, age: float = 1.0) -> set[int]:
        """Return descendants that are zombies now and still are after `age` seconds (O4)."""
        now = {pid for pid, process in self.descendants().items() if not process.alive}
        deadline = time.monotonic() + age
        while now and time.monotonic() < deadline:
            self._pump(0.02)
            now &= {pid for pid, process in self.descendants().items() if not process.alive}
        return now

    def finish(self, within: float | None = None) -> Result:
        """Wait for its end, `within` seconds of the last signal (or of now), and look what is left."""
        if within is not None:
            self._deadline = min(self._deadline, (self._signalled or time.monotonic()) + within)
        while self.running:
            if time.monotonic() > self._deadline:
                self._fail(f"HANG: not ended within {within or self._limit} s")
            self._pump(0.02)
        at = time.monotonic()
        seconds = at - (self._signalled or self._started)
        while (survivors := self._survivors()) and time.monotonic() < at + _GONE_S:
            self._pump(0.005)
            self._reap()
        self._drain()
        self._reap()
        self.result = Result(
            args=self.args,
            status=self._popen.returncode,
            stdout=self._said["stdout"].decode(),
            stderr=self._said["stderr"].decode(),
            seconds=seconds,
            survivors=[_describe(process) for process in survivors.values()],
            temporary=[str(path) for path in Path(self._temporary).rglob("*")],
            shared_memory=frozenset(shared_memory_left(self._shared_memory)),
        )
        return self.result

    def _drain(self) -> None:
        while any(key.data != "pidfd" for key, _ in self._selector.select(0)):
            self._pump(0)

    def _survivors(self) -> dict[int, Process]:
        """Return live processes that carry our mark."""
        mark = f"{_MARK}={self._mark}".encode()
        found = {}
        for process in tree(os.getpid()).values():
            with contextlib.suppress(OSError):
                if process.alive and mark in Path(f"/proc/{process.pid}/environ").read_bytes():
                    found[process.pid] = process
        self._seen |= found.keys()
        return found

    def _reap(self) -> bool:
        """Wait for orphans of this command that came to us and have ended; return whether all have."""
        everybody = processes().values()
        ours = [each for each in everybody if each.session == self.pid or each.pid in self._seen]
        orphans = [each for each in ours if each.pid != self.pid]
        for orphan in orphans:
            if orphan.parent == os.getpid() and not orphan.alive:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan.pid, os.WNOHANG)
        return not orphans

    def _kill_all(self) -> None:
        """Kill until nobody is left: pools replace what is killed."""

        def nobody() -> bool:
            self._popen.poll()
            left = self._survivors()
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._reap()
            return not left

        wait_until(nobody, what="the end of all processes")

    def _fail(self, message: str) -> NoReturn:
        with contextlib.suppress(BlockingIOError):
            self._pump(0)
        left = [_describe(process) for process in self._survivors().values()]
        self._kill_all()
        raise AssertionError(
            f"{message}\n$ {' '.join(self.args)}\nalive: {left}\n"
            f"--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}\n---"
        )


def _describe(process: Process) -> str:
    """Return what a process is and what it waits for."""

    def read(name: str) -> str:
        try:
            return Path(f"/proc/{process.pid}/{name}").read_text("utf-8", "replace")
        except OSError:
            return "?"

    line = read("cmdline").replace("\0", " ").strip()
    return f"{process.pid} (child of {process.parent}, {process.state}, in {read('wchan')}): {line[:100]}"


def run(*args: str, within: float | None = None, **options: Any) -> Result:
    """Run the command to its end."""
    with Command(*args, **options) as command:
        return command.finish(within)
