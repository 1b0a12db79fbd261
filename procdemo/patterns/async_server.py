"""One thread, one event loop, and a coroutine for each client: asyncio.

What to watch: all clients are served by one thread of one process. A coroutine that waits for its
client gives way to the others at each `await`; nothing is shared between processes, nothing is
locked. But one that computes, or calls something that blocks, stops everybody: no kernel
takes the CPU away from a coroutine. With --loop uvloop the loop is written in C.

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
from asyncio import timeout
from dataclasses import dataclass
from typing import Annotated, Literal

from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg
from procdemo.demo.states import Activity
from procdemo.servers import access_log, fd_limit, handler, scripted_clients
from procdemo.servers.async_listener import AsyncListener, factory
from procdemo.servers.fd_limit import make_room
from procdemo.servers.handler import Outcome, say_no
from procdemo.servers.settings import ServerSettings

BLOCKS = (scripted_clients, handler, access_log, fd_limit)
STORY = {
    "draining": "no new clients; {tasks} may finish within {grace} s",
    "summary": "{served} clients served by one thread, {refused} refused, {cut_off} cut off; "
    "at most {most} at once",
}
LANES = {"@main": Activity.WAITS}
_CHUNK = 65_536  # bytes asked of one read()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(ServerSettings):
    """Settings of `run`."""

    loop: Annotated[Literal["asyncio", "uvloop"], Arg("Whose event loop.")] = "asyncio"
    max_connections: Annotated[int, Arg("Clients connected at once; more are refused.", min=1)] = 10_000


async def converse(conn: socket.socket, client: str, config: Config, emit: Emitter) -> Outcome:
    """Answer the client's bytes in upper case until it has sent its last; return how it ended."""
    clock = asyncio.get_running_loop().time
    reader, writer = await asyncio.open_connection(sock=conn)
    writer.transport.set_write_buffer_limits(0)  # drain() waits until the kernel has taken everything
    received = 0
    try:
        async with timeout(config.total_timeout) as total, timeout(config.idle_timeout) as idle:
            while data := await reader.read(_CHUNK):
                received += len(data)
                if received > config.max_bytes:
                    say_no(conn, f"more than {config.max_bytes} bytes (--max-bytes)")
                    return "more than --max-bytes", received
                if config.verbose:
                    emit.mark("heard", client=client, data=data[:1000])
                writer.write(data.upper())
                await writer.drain()  # or a client that reads nothing would fill our memory
                idle.reschedule(clock() + config.idle_timeout)
            return "client left", received
    except OSError as error:  # reset, broken pipe, unreachable: the client's affair; or a TimeoutError
        expired = [name for name, limit in (("idle", idle), ("total", total)) if limit.expired()]
        return f"over --{expired[0]}-timeout" if expired else error.strerror or str(error), received
    finally:
        writer.transport.abort()


async def serve_all(door: AsyncListener, config: Config, emit: Emitter) -> dict[str, int]:
    """Have a task talk to each client; at the end, give those who are here their grace."""
    tasks: set[asyncio.Task[None]] = set()
    served = most = 0

    async def talk(conn: socket.socket, client: str) -> None:
        nonlocal served
        since = time.monotonic()
        door.book.came(client)
        farewell = await converse(conn, client, config, emit)
        door.book.left(client, time.monotonic() - since, farewell)
        served += 1

    def part(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if not task.cancelled():
            task.result()  # an error is told at once, by the loop, and not when the task is collected

    async for conn, client in door.newcomers(present=lambda: len(tasks)):
        conn.setblocking(False)
        task = asyncio.create_task(talk(conn, client))
        tasks.add(task)
        task.add_done_callback(part)
        most = max(most, len(tasks))
    if tasks:
        emit.mark("draining", tasks=len(tasks), grace=config.grace)
        await asyncio.wait(tasks, timeout=config.grace)
    cut_off = len(tasks)
    for task in tasks:
        task.cancel()
    door.book.close()
    return {"served": served, "refused": door.refused, "cut_off": cut_off, "most": most}


def run(config: Config, emit: Emitter) -> None:
    """Bind; run the loop until main is asked to stop; sum up."""
    make_room(config.max_connections, emit)
    with AsyncListener(config, emit) as door, asyncio.Runner(loop_factory=factory(config.loop)) as runner:
        guests = scripted_clients.start_clients(config, door, emit)
        counts = runner.run(serve_all(door, config, emit))
        guests.stop(config.grace)
    emit.result("summary", ok=True, **counts)
