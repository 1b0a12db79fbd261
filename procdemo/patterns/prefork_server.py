"""N workers, one listener; client N+1 waits in the kernel.

What to watch:
  - main makes the listener, starts the workers, and never accepts
  - an idle worker accepts the next client and serves it until it leaves
  - client N+1 waits in the kernel's backlog: no process knows it yet
  - a worker that is killed is replaced. A worker that is frozen (kill -STOP)
    gives no sign of life, is killed and replaced

\b
  client-0 --connect--> kernel: the listener <--accept-- worker-0
  client-1 --connect-->        (one backlog) <--accept-- worker-1
  client-2 --connect--> waits there              main starts, replaces

\b
Try:
  procdemo prefork-server --workers 2 --clients 3 --port 0
  procdemo prefork-server --workers 2 --clients 2 --port 0 --kill worker-0@0.3
  procdemo prefork-server --workers 8 --port 8080
  procdemo echo-client --port 8080        (in other terminals)

Compare with: pool-server, where main accepts and hands each connection to a worker.
"""

import socket
from dataclasses import dataclass
from typing import Annotated

from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, LimitArg
from procdemo.demo.states import Activity
from procdemo.servers import access_log, handler, scripted_clients
from procdemo.servers import arbiter as arbiters
from procdemo.servers.acceptor import Acceptor
from procdemo.servers.arbiter import Arbiter, PreforkSettings
from procdemo.servers.handler import handle
from procdemo.servers.scoreboard import Slot
from procdemo.servers.shared_listener import SharedListener
from procdemo.servers.stoppable_loop import StoppableLoop

BLOCKS = (scripted_clients, handler, access_log, arbiters)
STORY = {
    "counts": "{served} clients served by {workers} workers, {refused} refused, {cut_off} cut off",
    "summary": "Each worker accepted its clients itself; main accepted none.",
}
LANES = {
    "@main": Activity.WAITS,
    "@worker": Activity.WAITS,
    "waits": Activity.WAITS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(PreforkSettings):
    """Settings of `run`."""

    workers: Annotated[int, Arg("Processes; with two, client 3 waits.", min=1, max=1000, short="-n")] = 2
    max_connections: Annotated[
        int, LimitArg("Most clients served at once; further ones are refused, or wait for a worker.", min=1)
    ] = 100


def accept_and_serve(listener: socket.socket, config: Config, slot: Slot, emit: Emitter) -> None:
    """Be a worker: wait beside the others for a client, serve it until it leaves, wait again."""
    with Acceptor(listener, config, slot, emit) as acceptor:
        for conn, client in acceptor.arrivals():
            since = acceptor.note_opened(client)
            outcome = handle(conn, client, config, emit, acceptor.tick)
            acceptor.note_closed(client, since, outcome)


def run(config: Config, emit: Emitter) -> None:
    """Bind; start the workers and keep them at work, never accept; drain at the end."""
    with StoppableLoop() as loop, SharedListener(config, emit) as listener:
        arbiter = Arbiter(loop, listener, accept_and_serve, config, emit)
        arbiter.boot()
        clients = scripted_clients.ScriptedClients(config, listener, loop, emit, at_once=config.workers)
        arbiter.run()
        arbiter.drain(config.grace)
        clients.stop(config.grace)
    clients.sum_up(**arbiter.account())
