"""Scripted clients, so that one terminal shows a server's whole lesson."""

import socket
import time

from procdemo.demo.events import Emitter
from procdemo.demo.states import Activity
from procdemo.process.children import Children
from procdemo.process.exit_status import Exit, report_exit
from procdemo.servers.listener import Listener
from procdemo.servers.settings import ServerSettings

STORY = {
    "asks": "connects and says {text}",
    "answered": "hears {text} after {waited_ms:.0f} ms",
    "turned away": "got no answer: {why}",
    "leaves": "leaves",
}
LANES = {"answer": Activity.WAITS}
"""Sentences and lanes of these clients; a server's own STORY and LANES take them in."""


def run_client(host: str, port: int, stay: float, timeout: float, emit: Emitter) -> None:
    """Be a client: say hello, hear it in upper case, stay `stay` seconds, leave.

    A server that does not answer within `timeout` seconds turns the client away.
    """
    emit.begin("visit")
    text = b"hello"
    emit.mark("asks", text=text)
    before = time.monotonic()
    emit.begin("answer")
    try:
        with socket.create_connection((host, port), timeout) as conn:
            conn.sendall(text)
            answer = b""
            while len(answer) < len(text) and (piece := conn.recv(1024)):
                answer += piece
            emit.end("answer")
            emit.mark("answered", text=answer, waited_ms=(time.monotonic() - before) * 1e3)
            if answer == text.upper():
                time.sleep(stay)  # noqa: TID251 - the visit itself
    except OSError as error:
        emit.end("answer")
        emit.mark("turned away", why=error.strerror or str(error))
    emit.mark("leaves")
    emit.end("visit")


def start_clients(config: ServerSettings, door: Listener, emit: Emitter) -> Children:
    """Start ``--clients`` scripted clients; the server stops when all have left."""

    def on_exit(client: Exit) -> None:
        report_exit(emit, client)
        if not clients:
            door.stop()

    clients = Children(door.loop, on_exit)
    context = config.context()
    for number in range(config.clients):
        args = (door.host, door.port, config.stay, config.total_timeout, emit)
        clients.start(context.Process(target=run_client, args=args, name=f"client-{number}"))
    return clients
