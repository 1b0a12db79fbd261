"""Accept clients within an event loop of asyncio."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from importlib import import_module
from typing import NoReturn

from procdemo.demo.settings import CannotRunError, pip_install
from procdemo.servers.accept_queue import AcceptQueue, Arrival
from procdemo.servers.access_log import BATCH_S, AccessLog
from procdemo.servers.limits import ClientLimits
from procdemo.servers.listener import Listener
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop


def loop_factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes a loop of ``asyncio`` (None: its own choice) or of ``uvloop``.

    Raises:
        CannotRunError: uvloop is not installed; exit status 3.
    """
    if loop == "asyncio":
        return None
    try:
        make: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    except ImportError as error:
        raise CannotRunError("uvloop is not installed", pip_install("uvloop"), exit_code=3) from error
    return make


class TimeLimits:
    """The limits of time of all clients of a loop, looked at now and then by one task.

    A timer that each request of a client sets anew would take a tenth of the time of a request.
    """

    def __init__(self, settings: ServerSettings) -> None:
        """Prepare; `watch` is the task."""
        self._pause = settings.sweep
        self._open: dict[asyncio.Timeout, ClientLimits] = {}

    @contextlib.asynccontextmanager
    async def within(self, limits: ClientLimits) -> AsyncIterator[asyncio.Timeout]:
        """Raise TimeoutError in the block when one of the `limits` is reached; yield what says so."""
        async with asyncio.timeout(None) as timer:
            self._open[timer] = limits
            try:
                yield timer
            finally:
                del self._open[timer]

    async def watch(self) -> NoReturn:
        """Look at all clients, again and again, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._pause)
            now = clock()
            for timer, limits in self._open.items():
                if limits.over_time(now):
                    timer.reschedule(now)


async def arrivals(
    listener: Listener, loop: StoppableLoop, log: AccessLog, connected: Callable[[], int]
) -> AsyncIterator[Arrival]:
    """Yield each client, as its connection and its name, until `loop` is asked to stop.

    As `Listener.arrivals`, but asyncio's loop waits, for the clients and for `loop`.

    Args:
        listener: its socket is closed at the end.
        loop: what waits for everything else: other processes, signals.
        log: is flushed when it is due.
        connected: returns how many clients are connected; if as many as allowed, the next one is refused.
    """
    waiter, wake_up = asyncio.get_running_loop(), asyncio.Event()

    def on_event() -> None:
        loop.run_once(0)
        if loop.stopping:
            wake_up.set()

    waiter.add_reader(loop.fileno(), on_event)
    queue = AcceptQueue(
        listener.socket,
        watch=partial(waiter.add_reader, listener.socket, wake_up.set),
        unwatch=partial(waiter.remove_reader, listener.socket),
        clients=listener.clients,
    )
    listener.announce()
    while not loop.stopping:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake_up.wait(), min(queue.resume(), BATCH_S))
        wake_up.clear()
        if (now := time.monotonic()) >= log.flush_at:
            log.flush(now)
        while not loop.stopping and (arrival := queue.accept()):
            if listener.admit_or_refuse(arrival, connected()):
                yield arrival
    waiter.remove_reader(loop.fileno())
    queue.close()
    listener.socket.close()
