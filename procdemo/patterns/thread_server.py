"""A thread per connection: one PID serves all clients.

What to watch:
  - each client is served at once, but there is one PID only
  - the threads share the memory: nothing is pickled, and nothing is protected
  - threads that wait do not hinder each other. Threads that compute take
    turns if the interpreter has a GIL, as most have (see gil)
  - a process can be killed, a thread cannot: its connection is cut instead
  - --threads N is a pool of threads: client N+1 connects and waits

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
from functools import partial
from typing import Annotated

from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg
from procdemo.demo.states import Activity
from procdemo.servers import handler, scripted_clients, waiting_list
from procdemo.servers.handler import serve
from procdemo.servers.listener import Listener
from procdemo.servers.open_connections import OpenConnections
from procdemo.servers.scripted_clients import ScriptedClients
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop
from procdemo.servers.waiting_list import serve_if_there

BLOCKS = (scripted_clients, handler, waiting_list)
STORY = {
    "serve.begin": "{thread} serves {client}",
    "no room": "{client} is refused: no thread can be started for it: {error}",
    "draining": "no new clients; {talks} may finish within {grace} s",
    "counts": "{served} clients served, {refused} refused, {cut_off} cut off; at most {most} at once",
    "summary": "{threads} threads of one process, PID {pid}, served all clients.",
}
THREADS = ("main",)
LANES = {"@main": Activity.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(ServerSettings):
    """Settings of `run`."""

    threads: Annotated[int, Arg("Threads in a pool; 0: one thread per connection.", min=0, max=1000)] = 0


def run(config: Config, emit: Emitter) -> None:
    """Accept; have a thread serve each client; drain at the end."""
    seen: set[int] = set()
    gave_up: list[str] = []
    served = most = 0

    def work(conn: socket.socket, client: str, done: Callable[[], None]) -> None:
        seen.add(threading.get_native_id())
        thread = threading.current_thread().name.replace("_", "-")
        try:
            if conn.fileno() < 0:  # submit() queues a task before it fails to start a thread: refused by now
                return
            answer = partial(serve, conn, client, config, emit, thread=thread)
            if not pool:  # no client waits for a thread
                answer()
            elif not (serve_if_there(answer, conn) or connections.cut):
                gave_up.append(client)
                emit.mark("gave up", client=client)
        finally:
            done()

    with StoppableLoop() as loop, Listener(config, emit) as listener:
        listener.announce()
        # Before any thread is started, because fork() copies only the thread that calls it.
        clients = ScriptedClients(config, listener, loop, emit, at_once=config.threads, servers="thread")
        connections = OpenConnections(loop)
        pool = ThreadPoolExecutor(config.threads, "thread") if config.threads else None
        for conn, client in listener.arrivals(loop, connected=lambda: len(connections)):
            done = connections.add(conn)
            try:
                if pool:
                    pool.submit(work, conn, client, done)
                else:
                    name = f"thread-{served}"
                    threading.Thread(target=work, args=(conn, client, done), name=name, daemon=True).start()
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
    left = len(gave_up)
    counts = {
        "served": served - cut_off - left,
        "refused": listener.refused,
        "cut_off": cut_off,
        "most": most,
    }
    clients.sum_up(threads=len(seen), pid=os.getpid(), gave_up=left, **counts)
