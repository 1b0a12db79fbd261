"""Talk to a server: by hand, in a pipe, or as many clients.

What to watch:
  - TCP is a stream: the client reads until it has its whole answer, and
    compares each byte. -v shows in how many pieces the answer came
  - after its last message the client ends its side (shutdown) and waits
    until the server closes, too
  - each WORD of the command line is one message

\b
  echo-client --hello--> server        echo-client --shutdown--> server
  echo-client <--HEL---- server        echo-client <----end----- server
  echo-client <--LO----- server

\b
Try:
  procdemo echo-server --port 8080        (in another terminal)
  procdemo echo-client
  procdemo echo-client hello -v
  ls | procdemo echo-client
  procdemo echo-client --clients 10 --messages 1000 --size 100

Compare with: pool-server, where a client may have to wait longer than its --wait.
"""

import math
import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from procdemo.demo.events import ANSWER, ERROR, SUMMARY, Emitter
from procdemo.demo.settings import Arg, CannotRunError, DemoSettings
from procdemo.process.readiness import wait_ready
from procdemo.tcp_client import input_lines, load_generator
from procdemo.tcp_client.connect import connect, resolve
from procdemo.tcp_client.exchange import EndOfStream, Exchange, ServerFailedError
from procdemo.tcp_client.tally import Tally

STORY = {
    "still waiting": "still waiting for the answer, {seconds:.0f} s; Ctrl-C to leave",
    "prompt": "client (port {own_port}) is connected to {host} port {port}; Ctrl-D ends",
    "summary": "{answered} of {asked} messages answered in upper case (ASCII letters), byte for byte",
}
THREADS = {"main"}
DETAIL = {ANSWER: "whole after {ms:.2f} ms, {bytes} bytes in {pieces} piece(s)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(DemoSettings):
    """Settings of `run`."""

    words: Annotated[tuple[str, ...], Arg("Messages.", positional=True, metavar="[WORD]...")] = ()
    host: Annotated[str, Arg("The server's address or name.", metavar="HOST")] = "127.0.0.1"
    port: Annotated[int, Arg("The server's port.", min=1, max=65535, short="-p")] = 8080
    wait: Annotated[
        float | None,
        Arg("Longest wait. Default: 5; at a prompt no limit.", min=0.01, metavar="SECONDS", was="timeout"),
    ] = None
    clients: Annotated[int, Arg("Load: number of clients at once.", min=0)] = 0
    messages: Annotated[int, Arg("Load: messages of each client.", min=1)] = 100
    size: Annotated[int, Arg("Load: bytes of a message.", min=1, max=1 << 24)] = 32


_WAIT_S = 5.0  # longest wait, unless a person waits
_PATIENCE_S = 3.0  # after which a person is told that the answer has not come yet


def _wait(config: Config) -> float:
    return config.wait or _WAIT_S


def complete(exchange: Exchange, conn: socket.socket, limit: float, emit: Emitter) -> None:
    """Send the message and receive until its whole answer is there, for `limit` seconds at most."""
    since = time.monotonic()
    while not exchange.receive(conn):  # one recv(): part of the answer, or nothing yet
        if exchange.unsent:
            exchange.send(conn)  # one send(): part of the message; the answer may begin before its end
        left = max(since + limit - time.monotonic(), 0)
        ready = wait_ready([conn], min(left, _PATIENCE_S), writing=[conn] if exchange.unsent else [])
        if not ready and left > _PATIENCE_S:
            emit.mark("still waiting", seconds=time.monotonic() - since)
        elif not (left and ready):
            if ready and exchange.receive(conn):  # the answer is there: it was us who were slow
                return
            raise exchange.too_late(limit)


def messages(config: Config, conn: socket.socket, emit: Emitter) -> Iterable[bytes]:
    """Return the messages: words, what a person types, or the lines of a pipe."""
    if config.words:
        return map(os.fsencode, config.words)
    if not input_lines.is_interactive():
        return input_lines.piped()
    emit.mark("prompt", own_port=conn.getsockname()[1], host=config.host, port=config.port)
    return input_lines.typed(conn)


def send_messages(config: Config, tally: Tally, emit: Emitter) -> None:
    """Send the messages over one connection, each when the one before is answered."""
    ok = False
    by_hand = not config.words and input_lines.is_interactive()
    limit = config.wait or (math.inf if by_hand else _WAIT_S)
    try:
        with connect(resolve(config.host, config.port, _wait(config)), _wait(config)) as conn:
            for message in messages(config, conn, emit):
                tally.asked += 1
                answer = Exchange(message)
                before = time.monotonic()
                complete(answer, conn, limit, emit)
                ms = (time.monotonic() - before) * 1e3
                tally.answered += 1
                emit.mark(ANSWER, text=answer.wanted, bytes=answer.received, ms=ms, pieces=answer.pieces)
            complete(EndOfStream(conn), conn, _wait(config), emit)
        ok = True
    except input_lines.ServerLeftError:
        what, hint = "the server has closed the connection", "look at the server: has it ended?"
        emit.mark(ERROR, message=what, hint=hint, exit_code=1)
    except ServerFailedError as error:
        what, hint = error.message_and_hint(config.host, config.port)
        emit.mark(ERROR, message=what, hint=hint, exit_code=1)
    emit.result(SUMMARY, ok=ok, asked=tally.asked, answered=tally.answered)


def generate_load(config: Config, tally: Tally, emit: Emitter) -> None:
    """Be many clients at once; one thread is enough, because it waits for all of them together."""
    wanted = load_generator.Load(config.clients, config.messages, config.size, _wait(config))
    try:
        addresses = resolve(config.host, config.port, _wait(config))
        found = load_generator.generate_load(addresses, wanted, tally.note_progress)
    except ServerFailedError as error:
        found = load_generator.Findings(failures={error.kind: [error] * config.clients})
    for failures in found.failures.values():
        what, hint = failures[0].message_and_hint(config.host, config.port)
        message = f"{len(failures)} of {config.clients} clients: {what}"
        emit.mark(ERROR, message=message, hint=hint, exit_code=1)
    measures = found.measures()
    if found.answered:
        emit.result("load", **{name.replace("_per_", "/"): value for name, value in measures.items()})
    errors = {kind: len(failures) for kind, failures in found.failures.items()}
    emit.result(SUMMARY, ok=not errors, asked=tally.asked, answered=found.answered, **measures, errors=errors)


def run(config: Config, emit: Emitter) -> None:
    """Be one client of a person or a pipe, or many clients at once."""
    if config.clients and config.words:
        raise CannotRunError("a load makes its own messages", "either words or --clients", exit_code=2)
    tally = Tally(emit, config.clients * config.messages)
    with tally.reported_if_interrupted():
        (generate_load if config.clients else send_messages)(config, tally, emit)
