"""A few workers with event loops: ten thousand clients.

What to watch:
  - a worker waits for all its clients at once. A silent client costs a row
    in a table, not a process
  - if a client does not read its answers, the worker keeps them and takes no
    more from it. No other client waits
  - if a worker is killed, all its clients are cut off: they share a process

\b
  client-0, client-2, ...  <-->  worker-0: one loop  --accept-->  listener
  client-1, client-3, ...  <-->  worker-1: one loop  --accept-->  (shared)

\b
Try:
  procdemo selector-server --workers 2 --clients 6 --port 0
  procdemo selector-server -n 2 --clients 6 --port 0 --kill worker-0@0.3
  procdemo selector-server --port 8080
  procdemo echo-client --port 8080 --clients 1000      (in another terminal)

Compare with: prefork-server, where a worker serves one client and the next one waits.
"""

import socket
import time
from dataclasses import dataclass
from typing import Annotated

from procdemo.demo.events import Emitter
from procdemo.demo.settings import LimitArg
from procdemo.demo.states import Activity
from procdemo.servers import access_log, fd_limit, handler, scripted_clients
from procdemo.servers import arbiter as arbiters
from procdemo.servers.acceptor import Acceptor
from procdemo.servers.arbiter import Arbiter, PreforkSettings
from procdemo.servers.connection import IN, Connection, TimeoutSweep
from procdemo.servers.fd_limit import raise_fd_limit
from procdemo.servers.scoreboard import Slot
from procdemo.servers.shared_listener import SharedListener
from procdemo.servers.stoppable_loop import StoppableLoop

BLOCKS = (scripted_clients, handler, access_log, arbiters, fd_limit)
STORY = {
    "counts": "{served} clients served by {workers} workers, {refused} refused, {cut_off} cut off",
    "summary": "A worker serves all its clients at once: no client waited.",
}
LANES = {"@main": Activity.WAITS, "@worker": Activity.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(PreforkSettings):
    """Settings of `run`."""

    max_connections: Annotated[
        int, LimitArg("Most clients connected at once; further ones are refused.", min=1)
    ] = 10_000


def serve_all(listener: socket.socket, config: Config, slot: Slot, emit: Emitter) -> None:
    """Be a worker: one loop; wait for all clients at once, do for each what needs no waiting."""
    connections: dict[int, Connection] = {}
    sweep = TimeoutSweep(config)

    def close(connection: Connection, reason: str) -> None:
        del connections[connection.conn.fileno()]
        connection.conn.close()
        limits = connection.limits
        acceptor.note_closed(connection.client, limits.since, (reason, limits.received))

    with Acceptor(listener, config, slot, emit, one_at_a_time=False) as acceptor:
        poller = acceptor.poller
        pause = tick_at = 0.0
        while connections or not acceptor.closing:
            for fd, _ in poller.poll(pause):
                if connection := connections.get(fd):
                    if reason := connection.on_ready():
                        close(connection, reason)
                elif arrival := acceptor.next_arrival():
                    conn, client = arrival
                    since = acceptor.note_opened(client)
                    connections[conn.fileno()] = Connection(
                        conn, client, since, config, want=poller.modify, emit=emit
                    )
                    poller.register(conn, IN)
            if (now := time.monotonic()) >= tick_at:
                for connection, limit in sweep.overdue(connections.values(), now):
                    close(connection, limit)
                pause = acceptor.tick()
                tick_at = now + pause


def run(config: Config, emit: Emitter) -> None:
    """Bind; start the workers and keep them at work, never accept; drain at the end."""
    raise_fd_limit(config.max_connections, emit)
    with StoppableLoop() as loop, SharedListener(config, emit) as listener:
        arbiter = Arbiter(loop, listener, serve_all, config, emit)
        arbiter.boot()
        clients = scripted_clients.ScriptedClients(config, listener, loop, emit)
        arbiter.run()
        arbiter.drain(config.grace)
        clients.stop(config.grace)
    clients.sum_up(**arbiter.account())
