"""N workers serve N clients; client N+1 is connected and waits.

What to watch: the kernel completes the connection of every client, and main accepts it, but a
worker serves one client until that client leaves. Client N+1 waits in main's own list, is
told nothing, and is then served by the very PID that became free. If a worker is killed, its
client is cut off, the other clients notice nothing, and new workers take over.

\b
  client-0 --connect--> main --apply_async(serve, conn)--> worker-0
  client-1 --connect--> main --apply_async(serve, conn)--> worker-1
  client-2 --connect--> main: waits in the list until a worker is idle

\b
Try:
  procdemo pool-server --workers 2 --clients 3 --port 0
  procdemo pool-server --workers 2 --port 8080
  procdemo echo-client --port 8080        (in three other terminals)

Compare with: echo-server, where no client waits, at the price of a process for each.
"""

import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import Annotated

from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, usable_cpus
from procdemo.demo.states import Activity
from procdemo.pools import resilient_pool
from procdemo.pools.resilient_pool import ResilientPool, Task
from procdemo.process.close_on_fork import CloseOnFork
from procdemo.servers import handler, scripted_clients
from procdemo.servers.handler import hang_up, serve
from procdemo.servers.listener import Listener
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop

BLOCKS = (scripted_clients, handler, resilient_pool)
STORY = {
    "waits.begin": "client {client} is connected but waits in my list, place {place}: every worker is busy",
    "waits.end": "client {client} has waited {ms:.0f} ms for a worker",
    "free": "PID {worker_pid} is free",
    "cut off": "client {client} is cut off: PID {worker_pid}, its worker, is dead; nobody else notices",
    "died": "{child} (PID {child_pid}) was {cause}; it had {tasks} client(s), perhaps the queue's lock",
    "draining": "no new clients; {busy} connected, {waiting} waiting may finish within {grace} s",
    "summary": "{served} clients served, {waited} had to wait, {refused} refused, {cut_off} cut off",
}
LANES = {
    "@main": Activity.WAITS,
    "@worker": Activity.WAITS,
    "waits": Activity.WAITS,
}

_START_S = 10.0  # longest wait for workers to be up before the first client is let in


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(ServerSettings):
    """Settings of `run`."""

    workers: Annotated[int, Arg("Processes in the pool.", min=1, max=1000, short="-n")] = usable_cpus()


def close_copy(copies: CloseOnFork, conn: socket.socket | None) -> None:
    """Close main's copy of a connection, kept until now: the client sees the end when all are closed."""
    if conn:
        copies.discard(conn)
        hang_up(conn)


def run(config: Config, emit: Emitter) -> None:
    """Accept every client; give each to a worker as soon as one is idle; drain at the end."""
    waiting: deque[tuple[socket.socket, str, float]] = deque()
    busy = served = waited = cut_off = 0

    def assign() -> None:
        nonlocal busy, waited
        while waiting and pool.idle > 0:
            conn, client, since = waiting.popleft()
            if since:
                waited += 1
                emit.end("waits", client=client, ms=(time.monotonic() - since) * 1e3)
            busy += 1
            pool.apply_async(serve, (client,), conn=conn)

    def on_done(task: Task) -> None:
        nonlocal busy, served
        busy, served = busy - 1, served + 1
        close_copy(copies, task.conn)
        if waiting:
            emit.mark("free", worker_pid=task.pid)

    def on_lost(task: Task) -> None:
        nonlocal busy, cut_off
        busy, cut_off = busy - 1, cut_off + 1
        close_copy(copies, task.conn)
        emit.mark("cut off", client=task.args[0], worker_pid=task.pid)

    context = config.context()
    copies = CloseOnFork()
    with StoppableLoop() as loop, Listener(config, emit) as listener:
        listener.announce()
        clients = scripted_clients.ScriptedClients(config, listener, loop, emit)
        pool = ResilientPool(
            context,
            config.workers,
            emit,
            loop,
            extra_args=(config,),
            on_done=on_done,
            on_lost=on_lost,
            on_idle=assign,
        )
        loop.wait_until(lambda: pool.idle == config.workers, _START_S)
        for conn, client in listener.arrivals(loop, connected=lambda: busy + len(waiting)):
            copies.add(conn)
            must_wait = bool(waiting) or pool.idle <= 0
            if must_wait:
                emit.begin("waits", client=client, workers=config.workers, place=len(waiting) + 1)
            waiting.append((conn, client, time.monotonic() if must_wait else 0.0))
            assign()
        if busy or waiting:
            emit.mark("draining", busy=busy, waiting=len(waiting), grace=config.grace)
        loop.wait_until(lambda: not busy and not waiting, config.grace)
        cut_off += busy
        pool.terminate()
        clients.stop(config.grace)
    clients.sum_up(served=served, waited=waited, refused=listener.refused, cut_off=cut_off)
