"""A few workers, an event loop in each: ten thousand clients, and none waits.

What to watch: a worker waits for all its clients at once, and does for each what can be done
without waiting. A silent client costs a row in a table, not a process. What a client does not
read is kept, and no more is taken from it: it holds up nobody. Kill a worker: its clients are
cut off, all of them; that is the price of sharing a process.

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
from procdemo.demo.settings import Arg
from procdemo.demo.states import Activity
from procdemo.servers import access_log, fd_limit, handler, scripted_clients
from procdemo.servers import arbiter as arbiters
from procdemo.servers.acceptor import Acceptor
from procdemo.servers.arbiter import Arbiter, PreforkSettings
from procdemo.servers.connection import IN, Connection, TimeoutSweep
from procdemo.servers.fd_limit import make_room
from procdemo.servers.scoreboard import Slot
from procdemo.servers.shared_listener import SharedListener

BLOCKS = (scripted_clients, handler, access_log, arbiters, fd_limit)
STORY = {
    "summary": "{served} clients served by {workers} workers, {refused} refused, {cut_off} cut off",
}
LANES = {"@main": Activity.WAITS, "@worker": Activity.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(PreforkSettings):
    """Settings of `run`."""

    max_connections: Annotated[int, Arg("Clients connected at once; more are refused.", min=1)] = 10_000


def serve_all(listener: socket.socket, config: Config, seat: Slot, emit: Emitter) -> None:
    """Be a worker: one loop; wait for all clients at once, do for each what needs no waiting."""
    dialogues: dict[int, Connection] = {}
    rounds = TimeoutSweep(config)

    def part(dialogue: Connection, reason: str) -> None:
        del dialogues[dialogue.conn.fileno()]
        dialogue.conn.close()
        reception.left(dialogue.client, dialogue.since, (reason, dialogue.received))

    with Acceptor(listener, config, seat, emit, one_at_a_time=False) as reception:
        poller = reception.poller
        pause = look_at = 0.0
        while dialogues or not reception.closing:
            for fd, _ in poller.poll(pause):
                if dialogue := dialogues.get(fd):
                    if reason := dialogue.go_on():
                        part(dialogue, reason)
                elif arrival := reception.newcomer():
                    conn, client = arrival
                    since = reception.came(client)
                    dialogues[conn.fileno()] = Connection(
                        conn, client, since, config, want=poller.modify, emit=emit
                    )
                    poller.register(conn, IN)
            if (now := time.monotonic()) >= look_at:
                for dialogue, limit in rounds.overdue(dialogues.values(), now):
                    part(dialogue, limit)
                pause = reception.look()
                look_at = now + pause


def run(config: Config, emit: Emitter) -> None:
    """Bind; start the workers and keep them at work; accept nobody; drain at the end."""
    make_room(config.max_connections, emit)
    with SharedListener(config, emit) as door:
        arbiter = Arbiter(door, serve_all, config, emit)
        arbiter.boot()
        guests = scripted_clients.start_clients(config, door, emit)
        arbiter.stand_by()
        arbiter.drain(config.grace)
        guests.stop(config.grace)
    emit.result("summary", **arbiter.account())
