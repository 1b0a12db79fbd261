"""N workers serve N clients; client N+1 connects and waits.

What to watch:
  - the kernel completes the connection of every client, and main accepts it
  - a worker serves one client until this client leaves. Client N+1 waits in
    main's own list and hears nothing
  - a worker that becomes free serves it. The last line says whether it was
    the same PID
  - if a worker is killed, its client is cut off. The other clients notice
    nothing, and new workers replace the old ones

\b
  client-0 --connect--> main --apply_async(serve, conn)--> worker-0
  client-1 --connect--> main --apply_async(serve, conn)--> worker-1
  client-2 --connect--> main: waits in the list until a worker is idle

\b
Try:
  procdemo pool-server --workers 2 --clients 3 --port 0
  procdemo pool-server --workers 2 --port 8080
  procdemo echo-client --port 8080        (in three other terminals)
  procdemo pool-server --port 0 --tmux    (or all of it in one)

Compare with: echo-server, where no client waits, at the price of a process for each.
"""

import socket
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg
from procdemo.demo.states import Activity
from procdemo.pools import resilient_pool
from procdemo.pools.resilient_pool import PoolSettings, ResilientPool, Task
from procdemo.process.close_on_fork import CloseOnFork
from procdemo.servers import crowd_log, handler, scripted_clients, waiting_list
from procdemo.servers.crowd_log import CrowdLog
from procdemo.servers.handler import attend, hang_up, serve
from procdemo.servers.listener import Listener
from procdemo.servers.scripted_clients import ScriptedClients
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop
from procdemo.servers.waiting_list import Waiting, WaitingList

BLOCKS = (scripted_clients, handler, waiting_list, crowd_log, resilient_pool)
STORY = {
    "cut off": "{client} is cut off: its worker died",
    "died": "{child} (PID {child_pid}) was {cause}",
    "draining": "no new clients; {busy} connected, {waiting} waiting may finish within {grace} s",
    "counts": "{served} clients served, {waited} after waiting; {refused} refused, {cut_off} cut off",
}
LANES = {
    "@main": Activity.WAITS,
    "@worker": Activity.WAITS,
    "waits": Activity.WAITS,
}

_START_S = 10.0  # longest wait for workers to be up before the first client is let in


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(PoolSettings, ServerSettings):
    """Settings of `run`."""

    workers: Annotated[int, Arg("Processes; with two, client 3 waits.", min=1, max=1000, short="-n")] = 2
    tmux: Annotated[bool, Arg("Server, three clients and ps in panes of tmux.")] = False


def close_copy(copies: CloseOnFork, conn: socket.socket | None) -> None:
    """Close main's copy of a connection, kept until now: the client sees the end when all are closed."""
    if conn:
        copies.discard(conn)
        hang_up(conn)


def run(config: Config, emit: Emitter) -> None:
    """Accept every client; give each to a worker as soon as one is idle; drain at the end."""
    copies = CloseOnFork()
    in_hand: dict[int, Waiting] = {}  # by ticket: clients that were given to a worker
    served = cut_off = 0

    def assign() -> None:
        while pool.idle > 0 and (client := waiting.pop()):
            func = serve if client.tell else attend  # the same, but it reports nothing
            task = pool.apply_async(func, (client.client,), conn=client.conn, tell=client.tell)
            in_hand[task.ticket] = client

    def on_taken(task: Task) -> None:
        waiting.note_taken(in_hand[task.ticket], task.worker, task.pid)

    def on_done(task: Task) -> None:
        nonlocal served
        served += waiting.note_done(in_hand.pop(task.ticket), task.result)
        close_copy(copies, task.conn)
        waiting.note_free(task.worker, task.pid)

    def on_lost(task: Task) -> None:
        nonlocal cut_off
        cut_off += 1
        client = in_hand.pop(task.ticket)
        waiting.note_lost(client)
        close_copy(copies, task.conn)
        emit.mark("cut off", client=client.client, worker=task.worker, worker_pid=task.pid)

    context = config.context()
    with StoppableLoop() as loop, Listener(config, emit) as listener:
        listener.announce()
        crowd = CrowdLog(emit, loop, all_told=config.verbose > 0)
        waiting = WaitingList(emit, partial(close_copy, copies), crowd)
        clients = ScriptedClients(config, listener, loop, emit, at_once=config.workers)
        pool = ResilientPool(
            context,
            config.workers,
            emit,
            loop,
            extra_args=(config,),
            on_taken=on_taken,
            on_done=on_done,
            on_lost=on_lost,
            on_idle=assign,
        )
        loop.wait_until(lambda: pool.idle == config.workers, _START_S)
        for conn, client in listener.arrivals(loop, connected=lambda: len(in_hand) + len(waiting)):
            copies.add(conn)
            waiting.add(conn, client, must_wait=bool(waiting) or pool.idle <= 0)
            assign()
        if in_hand or waiting:
            emit.mark("draining", busy=len(in_hand), waiting=len(waiting), grace=config.grace)
        loop.wait_until(lambda: not in_hand and not waiting, config.grace)
        pool.terminate()
        clients.stop(config.grace)
        cut_off += len(in_hand) + len(waiting)
        crowd.flush()
    clients.sum_up(served=served, refused=listener.refused, cut_off=cut_off, **waiting.account())
