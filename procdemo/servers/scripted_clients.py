"""Scripted clients, so that one terminal shows a server's whole lesson."""

import socket
import time

from procdemo.demo.events import Emitter
from procdemo.demo.states import Activity
from procdemo.process import exit_status
from procdemo.process.children import Children
from procdemo.process.exit_status import Exit, report_exit
from procdemo.servers.listener import Listener
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop

STORY = {
    "asks": "connects and says {text}",
    "answered": "hears {text} after {waited_ms:.0f} ms",
    "turned away": "got no answer: {why}",
    "leaves": "leaves",
    "client died": exit_status.STORY["died"],
}
DETAIL = {f"client {how}": sentence for how, sentence in exit_status.DETAIL.items()}
LANES = {"answer": Activity.WAITS}


def run_client(host: str, port: int, stay: float, timeout: float, emit: Emitter) -> None:
    """Be a client: send hello, receive it in upper case, stay `stay` seconds, leave.

    If the server does not answer within `timeout` seconds, the client leaves without an answer.
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


def start_clients(config: ServerSettings, listener: Listener, loop: StoppableLoop, emit: Emitter) -> Children:
    """Start ``--clients`` scripted clients of `listener`; `loop` is asked to stop when all have left."""

    def on_exit(client: Exit) -> None:
        report_exit(emit, client, kind="client")
        if not clients:
            loop.stop()

    clients = Children(loop, on_exit)
    context = config.context()
    for number in range(config.clients):
        args = (listener.host, listener.port, config.stay, config.total_timeout, emit)
        clients.start(context.Process(target=run_client, args=args, name=f"client-{number}"))
    return clients
