"""N workers accept from one listener; client N+1 waits in the kernel.

What to watch: main binds the listener, starts the workers, and never accepts. Whoever of the
workers is idle takes the next client, and talks to it until it leaves. Client N+1 is connected by
the kernel, and waits in its backlog: no process knows its name yet. Kill a worker: another takes
over its place. Stop one with kill -STOP: it shows no sign of life, is killed and replaced.

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
from procdemo.demo.settings import Arg
from procdemo.demo.states import Activity
from procdemo.servers import access_log, handler, scripted_clients
from procdemo.servers import arbiter as arbiters
from procdemo.servers.acceptor import Acceptor
from procdemo.servers.arbiter import Arbiter, PreforkSettings
from procdemo.servers.handler import talk
from procdemo.servers.scoreboard import Slot
from procdemo.servers.shared_listener import SharedListener

BLOCKS = (scripted_clients, handler, access_log, arbiters)
STORY = {
    "summary": "{served} clients served by {workers} workers, {refused} refused, {cut_off} cut off",
}
LANES = {
    "@main": Activity.WAITS,
    "@worker": Activity.WAITS,
    "waits": Activity.WAITS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(PreforkSettings):
    """Settings of `run`."""

    max_connections: Annotated[
        int, Arg("Clients served at once; more are refused. Whom no worker is free for waits.", min=1)
    ] = 100


def accept_and_serve(listener: socket.socket, config: Config, seat: Slot, emit: Emitter) -> None:
    """Be a worker: wait beside the others for a client, serve it until it leaves, wait again."""
    with Acceptor(listener, config, seat, emit) as reception:
        for conn, client in reception.arrivals():
            since = reception.came(client)
            farewell = talk(conn, client, config, emit, reception.look)
            reception.left(client, since, farewell)


def run(config: Config, emit: Emitter) -> None:
    """Bind; start the workers and keep them at work; accept nobody; drain at the end."""
    with SharedListener(config, emit) as door:
        arbiter = Arbiter(door, accept_and_serve, config, emit)
        arbiter.boot()
        guests = scripted_clients.start_clients(config, door, emit)
        arbiter.stand_by()
        arbiter.drain(config.grace)
        guests.stop(config.grace)
    emit.result("summary", **arbiter.account())
