"""One thread, one event loop, a coroutine for each client.

What to watch:
  - one thread of one process serves all clients. Each `await` gives way to
    the other coroutines, and nothing needs a lock
  - a coroutine that computes, or makes a call that blocks, stops all others.
    The kernel takes no CPU away from a coroutine
  - --loop uvloop: the same, but the loop is written in C
  - its tasks from outside: python -m asyncio pstree PID (3.14 and later)

\b
  client-0 --connect--> main: task 1: await read() ... await drain()
  client-1 --connect--> main: task 2: await read() ... await drain()

\b
Try:
  procdemo async-server --port 0 --clients 3
  procdemo async-server --port 8080
  procdemo echo-client --port 8080 --clients 200        (in another terminal)

Compare with: selector-server, the same by hand and in several processes; thread-server.
"""

import asyncio
import socket
import time
from dataclasses import dataclass
from typing import Annotated, Literal

from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, LimitArg
from procdemo.demo.states import Activity
from procdemo.servers import access_log, fd_limit, handler, scripted_clients
from procdemo.servers.access_log import AccessLog
from procdemo.servers.async_listener import TimeLimits, arrivals, loop_factory
from procdemo.servers.fd_limit import raise_fd_limit
from procdemo.servers.handler import REPORTED_BYTES, Outcome
from procdemo.servers.limits import ClientLimits
from procdemo.servers.listener import Listener
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop

BLOCKS = (scripted_clients, handler, access_log, fd_limit)
STORY = {
    "draining": "no new clients; {tasks} may finish within {grace} s",
    "counts": "{served} clients served, {refused} refused, {cut_off} cut off; at most {most} at once",
    "summary": "One thread of one process served all clients.",
}
THREADS = ("main",)
LANES = {"@main": Activity.WAITS}
_CHUNK = 65_536  # bytes asked of one read()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(ServerSettings):
    """Settings of `run`."""

    loop: Annotated[Literal["asyncio", "uvloop"], Arg("Which event loop.")] = "asyncio"
    max_connections: Annotated[
        int, LimitArg("Most clients connected at once; further ones are refused.", min=1)
    ] = 10_000


async def echo(
    conn: socket.socket, client: str, config: Config, watched: TimeLimits, emit: Emitter
) -> Outcome:
    """Answer the client's bytes in upper case until it has sent its last; return how it ended."""
    clock = asyncio.get_running_loop().time
    limits = ClientLimits(config, clock())
    reader, writer = await asyncio.open_connection(sock=conn)
    writer.transport.set_write_buffer_limits(0)  # drain() waits until the kernel has taken everything
    try:
        async with watched.within(limits) as timer:
            while data := await reader.read(_CHUNK):
                if not limits.accept_bytes(len(data)):
                    return limits.say_too_many_bytes(conn), limits.received
                if config.verbose:
                    emit.mark("heard", client=client, data=data[:REPORTED_BYTES])
                writer.write(data.upper())
                await writer.drain()  # or a client that reads nothing would fill our memory
                limits.progress_at = clock()
            return "client left", limits.received
    except OSError as error:  # reset, broken pipe: caused by the client; or a TimeoutError of ours
        expired = limits.over_time(clock()) if timer.expired() else ""
        return expired or error.strerror or str(error), limits.received
    finally:
        writer.transport.abort()


async def serve_all(loop: StoppableLoop, listener: Listener, config: Config, emit: Emitter) -> dict[str, int]:
    """Have a task serve each client; at the end, give those that are connected their grace."""
    tasks: set[asyncio.Task[None]] = set()
    log = AccessLog(emit)
    watched = TimeLimits(config)
    watch = asyncio.create_task(watched.watch())
    served = most = 0

    async def serve(conn: socket.socket, client: str) -> None:
        nonlocal served
        since = time.monotonic()
        log.note_opened(client)
        outcome = await echo(conn, client, config, watched, emit)
        log.note_closed(client, time.monotonic() - since, outcome)
        served += 1

    def on_done(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if not task.cancelled():
            task.result()  # the loop reports an error at once, and not when the task is collected

    async for conn, client in arrivals(listener, loop, log, connected=lambda: len(tasks)):
        conn.setblocking(False)
        task = asyncio.create_task(serve(conn, client))
        tasks.add(task)
        task.add_done_callback(on_done)
        most = max(most, len(tasks))
    if tasks:
        emit.mark("draining", tasks=len(tasks), grace=config.grace)
        await asyncio.wait(tasks, timeout=config.grace)
    cut_off = len(tasks)
    for task in tasks:
        task.cancel()
    watch.cancel()
    log.close()
    return {"served": served, "refused": listener.refused, "cut_off": cut_off, "most": most}


def run(config: Config, emit: Emitter) -> None:
    """Bind; run asyncio's loop until main is asked to stop; sum up."""
    raise_fd_limit(config.max_connections, emit)
    with (
        StoppableLoop() as loop,
        Listener(config, emit) as listener,
        asyncio.Runner(loop_factory=loop_factory(config.loop)) as runner,
    ):
        clients = scripted_clients.ScriptedClients(config, listener, loop, emit)
        counts = runner.run(serve_all(loop, listener, config, emit))
        clients.stop(config.grace)
    clients.sum_up(**counts)
