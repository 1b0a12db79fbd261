"""A thread per connection: all in one PID, and one GIL for all.

What to watch: every client is served at once, as by echo-server, but there is one PID only, a thread
costs a tenth of a process, and all threads share the memory: no pickling, and no protection either.
While they wait for clients they do not hinder each other; once they compute, one interpreter's lock
lets one at a time (see gil). A process can be killed, a thread cannot: its connection is cut instead.
With --threads N it is a pool: client N+1 is connected and waits, as with pool-server.

\b
  client-0 --connect--> main --Thread(serve, conn)--> thread 1 of main
  client-1 --connect--> main --Thread(serve, conn)--> thread 2 of main

\b
Try:
  procdemo thread-server --port 0 --clients 3
  procdemo thread-server --port 0 --clients 3 --threads 2
  procdemo thread-server --port 8080

Compare with: echo-server, a process for each; selector-server, one thread for all.
"""

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg
from procdemo.demo.states import Activity
from procdemo.servers import handler, scripted_clients
from procdemo.servers.handler import serve
from procdemo.servers.listener import Listener
from procdemo.servers.open_connections import OpenConnections
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop

BLOCKS = (scripted_clients, handler)
STORY = {
    "no room": "client {client} refused: no thread can be started for it: {error}",
    "draining": "no new clients; {talks} may finish within {grace} s",
    "summary": "{served} clients served by {threads} threads of PID {pid}, "
    "{refused} refused, {cut_off} cut off; at most {most} at once",
}
THREADS = ("main",)
LANES = {"@main": Activity.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(ServerSettings):
    """Settings of `run`."""

    threads: Annotated[int, Arg("Threads in a pool; 0 for one per connection.", min=0, max=1000)] = 0


def run(config: Config, emit: Emitter) -> None:
    """Accept; have a thread serve each client; drain at the end."""
    seen: set[int] = set()
    served = most = 0

    def work(conn: socket.socket, client: str, done: Callable[[], None]) -> None:
        seen.add(threading.get_native_id())
        try:
            if conn.fileno() >= 0:  # submit() queues a task before it fails to start a thread: refused by now
                serve(conn, client, config, emit)
        finally:
            done()

    with StoppableLoop() as loop, Listener(config, emit) as listener:
        listener.announce()
        # Before any thread is started, because fork() copies only the thread that calls it.
        clients = scripted_clients.ScriptedClients(config, listener, loop, emit)
        connections = OpenConnections(loop)
        pool = ThreadPoolExecutor(config.threads) if config.threads else None
        for conn, client in listener.arrivals(loop, connected=lambda: len(connections)):
            done = connections.add(conn)
            try:
                if pool:
                    pool.submit(work, conn, client, done)
                else:
                    threading.Thread(target=work, args=(conn, client, done), daemon=True).start()
            except RuntimeError as error:  # no thread can be started
                done()
                listener.refuse(conn, client, OSError(str(error)))
                continue
            served += 1
            most = max(most, len(connections))
        if connections:
            emit.mark("draining", talks=len(connections), grace=config.grace)
        cut_off = connections.drain(config.grace)
        if pool:
            pool.shutdown(wait=False, cancel_futures=True)
        clients.stop(config.grace)
    counts = {"served": served - cut_off, "refused": listener.refused, "cut_off": cut_off, "most": most}
    clients.sum_up(threads=len(seen), pid=os.getpid(), **counts)
