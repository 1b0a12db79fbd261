"""Servers under test: ours, which must pass the fault cases, and the tutorial's, which must fail them.

A fault case is a function of a `Server`. It raises AssertionError, whose message begins with the
promise that was broken, as in the oracle of the fault programme (O2, O9, ...), or with the
case's own (A1, C3, ...); so that the same case can be shown to pass on our servers, and to
fail on those of the tutorial, for its own reason.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from clients import SOON_S, Client
from harness import Command
from oracle import ALARMING, FORBIDDEN
from processes import command_line, holds
from selection import THOROUGH, some, some_of, turn_of
from waiting import wait_until

TUTORIAL = [sys.executable, str(Path(__file__).with_name("tutorial_server.py"))]
WORKERS = 2
MARGIN_S = 0.5
"""C1 to C3: how much longer than a server's own limit an honest client may wait."""


class Running:
    """A server that runs."""

    def __init__(self, command: Command, server: "Server", *, json: bool) -> None:
        self.command = command
        self.one_process, self.worker_count = server.one_process, server.worker_count
        match = command.wait_line(r'^listening \S+ (\d+)$|"listening".*"port": ?(\d+)')
        self.port = int(match[1] or match[2])
        self.main = command.pid if server.tutorial else self._find_main(json)
        if self.worker_count:
            wait_until(lambda: len(self.workers()) == self.worker_count, what=f"{self.worker_count} workers")

    def _find_main(self, json: bool) -> int:
        if json:
            return self.command.events[0].pid
        return int(self.command.wait_line(r"^main process (\d+)")[1])

    # --- its clients

    def client(self, **options: int) -> Client:
        """Return a client that has connected."""
        return Client(self.port, **options)

    @contextlib.contextmanager
    def clients(self, count: int, *, served: bool = True) -> Iterator[list[Client]]:
        """Have so many clients stay; each has been `served` once."""
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.client()) for _ in range(count)]
            if served:
                for client in clients:
                    client.ask(within=5)
            yield clients

    def echo(self, data: bytes = b"honest", within: float = SOON_S) -> None:
        """Be an honest client, and be answered (O9)."""
        with self.client() as client:
            client.ask(data, within)

    def has_room(self) -> bool:
        """Return whether one more client is served: that others have left may not have been noticed yet."""
        try:
            self.echo()
        except AssertionError:
            return False
        return True

    @contextlib.contextmanager
    def client_apart(self, pid: int) -> Iterator[Client]:
        """Have a client stay that another process than `pid` serves."""
        with contextlib.ExitStack() as stack:
            client = None
            while client is None or self.server_of(client) == pid:
                client = stack.enter_context(self.client())
                client.ask(within=5)
            yield client

    def warm_up(self) -> None:
        """Have every worker serve a client, and be idle again."""
        with self.clients(WORKERS) as clients:
            served_by = [self.server_of(client) for client in clients]
            names = [client.name for client in clients]
        for name, pid in zip(names, served_by, strict=True):
            self.wait_until_let_go(pid, name)

    # --- its processes

    def wait_until_let_go(self, pid: int, client: str) -> None:
        """Wait until a process has closed its copy of the connection with `client`."""
        wait_until(lambda: not holds(pid, client), what=f"PID {pid} closes its copy of {client}")

    def workers(self) -> list[int]:
        """Return the processes that serve, or could."""
        if self.one_process:
            return [self.main]
        descendants = self.command.descendants()
        makers = {self.main}
        found = []
        for process in descendants.values():
            if process.parent == self.main and "forkserver" in command_line(process.pid):
                makers.add(process.pid)
        for process in descendants.values():
            helper = process.pid in makers or "resource_tracker" in command_line(process.pid)
            if process.parent in makers and process.alive and not helper:
                found.append(process.pid)
        return sorted(found)

    def server_of(self, client: Client) -> int:
        """Return the process that serves `client`: it, and at most main, has the connection."""

        def holders() -> list[int]:
            return [pid for pid in self.workers() if holds(pid, client.name)]

        found = wait_until(holders, 1.0, f"B6: a process that serves {client.name}")  # /proc may skip a line
        assert len(found) == 1, f"B6: {client.name} is held by {found} beside main"
        return found[0]

    def process_count(self) -> int:
        """Return how many processes there are."""
        return sum(process.alive for process in self.command.descendants().values())

    def descriptors(self) -> int:
        """Return how many descriptors the main process has open."""
        return len(os.listdir(f"/proc/{self.main}/fd"))

    def memory(self) -> int:
        """Return how many MiB there are in the memory of all processes."""
        pages = 0
        for pid in (self.command.pid, *self.command.descendants()):
            with contextlib.suppress(OSError):
                pages += int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") >> 20

    # --- the oracle

    def check(self) -> None:
        """Check what holds at any time: O9, O4, O5 and O12 so far."""
        self.echo()
        zombies = self.command.old_zombies()
        assert not zombies, f"O4: {zombies}"
        self.check_output()

    def check_output(self) -> None:
        """O5 and O12, so far."""
        self.command.pause(0.01)
        alarms = [word for word in ALARMING if word in self.command.stderr]
        assert not alarms, f"O5: {self.command.stderr[-1000:]}"
        for stream in (self.command.stdout, self.command.stderr):
            found = FORBIDDEN.search(stream)
            assert not found, f"O12: {found[0]!r} in {stream[-300:]!r}"


def cpu_seconds(command: Command) -> float:
    """Return the CPU time that the processes of `command` have used."""
    ticks = 0
    for pid in (command.pid, *command.descendants()):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A way to start a server."""

    name: str
    """A command of ours, or a variant of the tutorial's."""
    start_method: str | None = None

    @property
    def tutorial(self) -> bool:
        """Whether it is one that must fail."""
        return not self.name.endswith("-server")

    @property
    def one_process(self) -> bool:
        """Whether its main process serves all clients."""
        return self.name in ONE_PROCESS

    @property
    def worker_count(self) -> int:
        """How many processes wait for clients; 0 where each client gets one of its own."""
        return 0 if self.name in {"echo-server", "process"} else 1 if self.one_process else WORKERS

    @property
    def many_at_once(self) -> bool:
        """Whether a worker serves many clients, which all are cut off with it."""
        return self.name == "selector-server"

    def command(self, *args: str, **options: object) -> Command:
        """Start it with these arguments alone."""
        if self.tutorial:
            return Command(self.name, *args, program=TUTORIAL, **options)
        return Command(self.name, *args, start_method=self.start_method, **options)

    @contextlib.contextmanager
    def start(self, *args: str, json: bool = True, **limits: float) -> Iterator[Running]:
        """Run it, with `limits` such as ``idle_timeout``; ours must drain and leave nothing at the end."""
        given = [*args, "--port", "0"]
        if self.worker_count and not self.one_process:
            given += ["--workers", str(WORKERS)]
        if not self.tutorial:
            given += ["--json"] if json else []
            limits = {"grace": 0.2, **limits}
            given += [f"--{name.replace('_', '-')}={value}" for name, value in limits.items()]
        with self.command(*given) as command:
            running = Running(command, self, json=json)
            if json and self.name in POOLS:  # it listens first: a client may wait for a new interpreter
                command.wait_event("ready", nth=WORKERS)
            yield running
            if not self.tutorial and not command.result:
                command.signal(signal.SIGTERM)
                command.finish(within=2 + limits["grace"]).assert_clean(0, port=running.port)


F = TypeVar("F", bound=Callable[..., object])
Case = Callable[[Server], None]
POOLS = ("pool-server",)
PREFORKED = ("prefork-server", "selector-server")
"""Servers whose workers accept for themselves."""
ONE_PROCESS = ("thread-server", "async-server")
"""Servers of one process."""
FORKING = ("echo-server", *POOLS, *PREFORKED)
"""Servers whose processes can be killed one by one."""
OURS = (*FORKING, *ONE_PROCESS)
VARIANTS = ("process", "pool", "prefork")


def some_of_ours(test: F) -> F:
    """Have a test run on our servers, by `name`; ``make test`` runs it on a third of them."""
    return pytest.mark.parametrize("name", some_of(OURS, turn_of(test)))(test)


def on_ours(
    *cases: Case, names: tuple[str, ...] = OURS, methods: tuple[str, ...] = ("fork",), each: bool = False
) -> Callable[[F], F]:
    """Have a test run on our servers, as `server`; if there are `cases`, it runs with each, as `case`.

    ``make test`` runs it on a third of the servers, or each case on one, other ones for each test, because
    the same lines do for several servers what is tested; on all of them if `each` has its own lines for it.
    """

    def decorate(test: F) -> F:
        found = []
        for turn, case in enumerate(cases or [None], turn_of(test)):
            kept = {turn % len(names)} if case else some(len(names), turn)
            for place, name in enumerate(names):
                marks = [] if each or place in kept else THOROUGH
                for method in ("fork",) if name in ONE_PROCESS else methods:
                    values = [Server(name, method), *([case] if case else [])]
                    words = [*([case.__name__] if case else []), name, method]
                    found.append(pytest.param(*values, id="-".join(words), marks=marks))
        return pytest.mark.parametrize("server,case" if cases else "server", found)(test)

    return decorate


ALL_METHODS = ("fork", "spawn", "forkserver")


def must_fail(*rows: tuple[Case, dict[str, str]]) -> pytest.MarkDecorator:
    """Have a test run for each `case`, `server` of the tutorial, and `reason` why it must fail there."""
    found = [
        pytest.param(case, Server(variant), reason, id=f"{case.__name__}-{variant}")
        for case, reasons in rows
        for variant, reason in reasons.items()
    ]
    return pytest.mark.parametrize(("case", "server", "reason"), found)


def everywhere(reason: str) -> dict[str, str]:
    """Return one reason for all variants of the tutorial server."""
    return dict.fromkeys(VARIANTS, reason)
