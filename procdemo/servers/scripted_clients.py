"""Scripted clients, so that one terminal shows a server's whole lesson; and whether the server has shown it.

The run has failed if a client could not connect, or got no answer or a wrong one. It has not failed if a
client got no answer because of what the user has asked for:

- The server refused it in a line that says so, or closed its connection when a limit of time was reached.
- A fault of the command line (``--kill``, ``--stop``, ``--chaos``) could be due before that.
- The server had been asked to stop before that.

A refusal because the system has no room (no process, no thread) counts as a failure only if no client at all
was answered: a server that goes on with those it has room for is a lesson, too.
"""

import contextlib
import os
import socket
import time
from collections import defaultdict
from enum import StrEnum
from typing import Any

from procdemo.demo.events import SUMMARY, Emitter
from procdemo.demo.states import Activity
from procdemo.demo.text import printable
from procdemo.process import exit_status
from procdemo.process.children import Children
from procdemo.process.exit_status import Exit, report_exit
from procdemo.process.receiving import receive
from procdemo.process.record_pipe import Writer, channel
from procdemo.servers.client_register import ClientRegister, client_name
from procdemo.servers.listener import Listener
from procdemo.servers.refusal import NO_ROOM, REFUSAL
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop

STORY = {
    "no wait": "{clients}, {servers}: no client will wait; try --clients {enough}",
    "turned away": "got no answer: {why}",
    "not started": "{client} cannot be started: {why}",
    "client died": exit_status.STORY["died"],
}
CROWDS = {
    "asks": "... and {more} more clients connect",
    "answered": "... and {more} more clients have their answer",
    "leaves": "... and {more} more clients leave",
}
DETAIL = {
    "asks": "connects from port {port} and says {text}",
    "answered": "hears {text} after {waited_ms:.0f} ms",
    "leaves": "leaves",
    **{f"client {how}": sentence for how, sentence in exit_status.DETAIL.items()},
}
LANES = {"answer": Activity.WAITS}

_HELLO = b"hello"
_COME_S = 0.1  # between two clients that come, at most
_NAMED = 5  # clients with the same failure that the summary names


class Outcome(StrEnum):
    """What has come of a client's visit."""

    ANSWERED = "answered"
    REFUSED = "refused"  # or a limit of time was reached
    NO_ROOM = "no room"
    FAILED = "failed"


def run_client(
    server: tuple[str, int],
    number: int,
    register: ClientRegister,
    config: ServerSettings,
    *,
    note: Writer,
    emit: Emitter,
) -> None:
    """Be a client: come after those before it, send hello, receive it in upper case, stay, leave.

    If the server does not answer within ``config.total_timeout`` seconds, the client leaves.

    Args:
        server: where it listens.
        number: of this client.
        register: where the server finds its name.
        config: how long the client stays, and the limits of the server.
        note: gets the PID, the port, an `Outcome`, and in words why: before the client connects without
            an outcome, then with it, before the client stays.
        emit: where to report.
    """
    come = min(_COME_S, config.seconds_apart / 4)
    time.sleep(number * come)  # noqa: TID251 - they come one after the other
    emit.begin("visit")
    port, before = 0, time.monotonic()
    with contextlib.ExitStack() as stack:
        try:
            conn, address = _bound_socket(server)
            stack.enter_context(conn)
            port = conn.getsockname()[1]
            register.enter(number, port)
            note((os.getpid(), port, "", ""))
            emit.mark("asks", port=port, text=_HELLO)
            emit.begin("answer")
            conn.settimeout(config.total_timeout)
            conn.connect(address)
        except OSError as error:
            outcome, why = Outcome.FAILED, f"could not connect, {error.strerror or error}"
        else:
            outcome, why = _ask(conn, before, config)
        if port:
            emit.end("answer")
        note((os.getpid(), port, outcome.value, why))
        if outcome == Outcome.ANSWERED:
            emit.mark("answered", text=_HELLO.upper(), waited_ms=(time.monotonic() - before) * 1e3)
            stay = register.wait_for_turn(config.stay, config.seconds_apart)
            time.sleep(stay)  # noqa: TID251 - the visit itself
        else:
            emit.mark("turned away", why=why)
    emit.mark("leaves")
    emit.end("visit")


def _bound_socket(server: tuple[str, int]) -> tuple[socket.socket, Any]:
    """Return a socket that has its port already, so that this can be told first, and where to connect it."""
    family, _, _, _, address = socket.getaddrinfo(*server, type=socket.SOCK_STREAM)[0]
    conn = socket.socket(family)
    try:
        conn.bind(("", 0))
    except OSError:
        conn.close()
        raise
    return conn, address


def _ask(conn: socket.socket, since: float, config: ServerSettings) -> tuple[Outcome, str]:
    """Say hello; return what comes of it, and why it was not answered.

    Args:
        conn: a connection, with a time-out.
        since: when the client began to connect, by `time.monotonic`.
        config: the limits of the server.
    """
    answer, why = b"", "closed without an answer"
    with contextlib.suppress(OSError):  # the server may have closed already: what it has sent can be read
        conn.sendall(_HELLO)
    try:
        while not _is_whole(answer) and (piece := receive(conn, 1024)):
            answer += piece
    except TimeoutError:
        return Outcome.FAILED, f"no answer within {config.total_timeout:g} s"
    except OSError as error:
        why = error.strerror or str(error)
    if answer == _HELLO.upper():
        return Outcome.ANSWERED, ""
    if answer.startswith(REFUSAL):
        line = printable(answer.removeprefix(REFUSAL).split(b"\n")[0], 200)
        return (Outcome.NO_ROOM if line == NO_ROOM else Outcome.REFUSED), line
    if answer:
        return Outcome.FAILED, f"the answer is '{printable(answer, 60)}', not '{printable(_HELLO.upper())}'"
    if time.monotonic() - since >= min(config.idle_timeout, config.total_timeout):
        return Outcome.REFUSED, f"{why}: a limit of time was reached"
    return Outcome.FAILED, why


def _is_whole(answer: bytes) -> bool:
    """Return whether no more is to come: an answer is as long as the question, a refusal is a line."""
    if answer and (answer.startswith(REFUSAL) or REFUSAL.startswith(answer)):
        return b"\n" in answer
    return len(answer) >= len(_HELLO)


class ScriptedClients:
    """The scripted clients of one server, and what has come of them."""

    def __init__(
        self,
        config: ServerSettings,
        listener: Listener,
        loop: StoppableLoop,
        emit: Emitter,
        *,
        at_once: int = 0,
        servers: str = "worker",
    ) -> None:
        """Start ``--clients`` clients of `listener`; `loop` is asked to stop when all have left.

        Args:
            config: settings of the server.
            listener: where it listens.
            loop: with which it waits.
            emit: where to report.
            at_once: how many clients it serves at a time, if it is a lesson that the next one waits; or 0.
            servers: what serves a client, in words.
        """
        self._config, self._loop, self._emit = config, loop, emit
        self._children = Children(loop, self._on_exit)
        self._told: dict[int, tuple[int, str, str]] = {}  # by PID: port, outcome, reason, as a client told it
        self._answered = 0
        self._failed: dict[str, list[str]] = defaultdict(list)  # by the reason: which clients
        self._no_room: dict[str, list[str]] = defaultdict(list)  # the same, of clients that were refused
        if 0 < config.clients <= at_once:
            emit.mark("no wait", **no_wait(config.clients, at_once, servers))
        if config.clients:
            self._start(listener)

    def _start(self, listener: Listener) -> None:
        self._notes, self._note = channel()
        os.set_blocking(self._notes.fileno(), False)
        self._loop.add_reader(self._notes, self._read_notes)
        context, address = self._config.context(), (listener.host, listener.port)
        for number in range(self._config.clients):
            args = (address, number, listener.clients, self._config)
            means = {"note": self._note, "emit": self._emit}
            name = f"client-{number}"
            try:
                self._children.start(context.Process(target=run_client, args=args, kwargs=means, name=name))
            except OSError as error:  # too many processes or descriptors, or no memory
                if number == 0:  # then there is nothing to show: the demo cannot start
                    raise
                why = error.strerror or str(error)
                self._emit.mark("not started", client=name, why=why)
                self._failed[f"cannot be started, {why}"].append(name)

    def _read_notes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for pid, *told in self._notes.read() or ():
                self._told[pid] = tuple(told)

    def _on_exit(self, client: Exit) -> None:
        report_exit(self._emit, client, kind="client")
        self._read_notes()
        port, outcome, why = self._told.pop(client.pid, (0, "", ""))
        if not outcome:
            outcome, why = Outcome.FAILED, exit_status.cause(client.exitcode)
        if outcome == Outcome.ANSWERED and (client.exitcode or 0) > 0:
            outcome, why = Outcome.FAILED, f"{exit_status.cause(client.exitcode)} after its answer"
        name = client_name(int(client.name.removeprefix("client-")), port)
        self._answered += outcome == Outcome.ANSWERED
        if outcome == Outcome.NO_ROOM:
            self._no_room[why].append(name)
        elif outcome == Outcome.FAILED and not self._was_asked_for():
            self._failed[why].append(name)
        if not self._children:
            self._loop.stop()

    def _was_asked_for(self) -> bool:
        """Return whether what has just happened may be due to what the user did."""
        return self._loop.stopping or 0 < self._config.faults_from_ns <= time.monotonic_ns()

    def stop(self, grace: float) -> None:
        """Give the clients `grace` seconds to leave, then kill them."""
        self._children.stop(grace)
        if self._config.clients:
            self._loop.remove_reader(self._notes)
            self._notes.close()
            self._note.close()

    def sum_up(self, **account: object) -> None:
        """Report the summary of the server: its `account`, and whether each client got what it came for.

        Args:
            account: data of the summary; without ``ok`` the server itself has not failed.
        """
        summary = {"ok": True, **account}
        if not summary.get("served", 1):
            summary["answer"] = "No client was served."
        failed = self._failed or (self._no_room if not self._answered else {})
        if failed and summary["ok"]:
            count = sum(map(len, failed.values()))
            whys = "; ".join(f"{_names(names)}: {why}" for why, names in failed.items())
            reason = f"{count} of {self._config.clients} clients got no answer: {whys}"
            summary = {**account, "ok": False, "reason": reason}
        self._emit.result(SUMMARY, **summary)


def no_wait(clients: int, at_once: int, servers: str) -> dict[str, Any]:
    """Return data for the sentence that no client will wait, because all are served `at_once`."""
    counts = {"clients": _counted(clients, "client"), "servers": _counted(at_once, servers)}
    return {**counts, "enough": at_once + 1}


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _names(names: list[str]) -> str:
    """Return names such as ``client-0 (port 50312)`` in their order, the first few if there are many."""
    more = len(names) - _NAMED
    names = sorted(names, key=lambda name: int(name.removeprefix("client-").split()[0]))
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
