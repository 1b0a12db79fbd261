"""A server's door whose waiting is done by an event loop of asyncio."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from importlib import import_module

from procdemo.demo.events import Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.servers.access_log import PAGE_S, AccessLog
from procdemo.servers.listener import Listener, accept
from procdemo.servers.settings import ServerSettings


def factory(loop: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes a loop of ``asyncio`` (None: its own choice) or of ``uvloop``.

    Raises:
        CannotRunError: uvloop is not installed; exit status 3.
    """
    if loop == "asyncio":
        return None
    try:
        make: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    except ImportError as error:
        hint = "python -m pip install uvloop"
        raise CannotRunError("uvloop is not installed", hint, exit_code=3) from error
    return make


class AsyncListener(Listener):
    """A listening socket, and whatever else main waits for, within a loop."""

    def __init__(self, settings: ServerSettings, emit: Emitter) -> None:
        """Bind; clients are let in, and `listening` is reported, by `newcomers`."""
        super().__init__(settings, emit)
        self.book = AccessLog(emit)
        """Where comings and goings are told, at any speed."""

    def _open(self) -> None:
        """Let nobody in before the loop runs."""

    async def newcomers(self, present: Callable[[], int]) -> AsyncIterator[tuple[socket.socket, str]]:
        """Yield each client, as its connection and its name ``host:port``, until asked to stop.

        While `present()` says that as many are here as may be, the next is politely refused.
        """
        loop = asyncio.get_running_loop()
        self._knock = asyncio.Event()
        loop.add_reader(self.loop.fileno(), self._look)
        self._hear_knocks()
        self._announce()
        while not self._stopping:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._knock.wait(), PAGE_S)
            self._knock.clear()
            if (now := time.monotonic()) >= self.book.turn_at:
                self.book.turn(now)
            while not self._stopping and (arrival := accept(self._listener, self._step_aside)):
                if self._has_room(arrival, present()):
                    yield arrival
        loop.remove_reader(self.loop.fileno())
        loop.remove_reader(self._listener)
        self._listener.close()

    def _look(self) -> None:
        """Act on what happens outside the loop."""
        self.loop.run_once(0)
        if self._stopping:
            self._knock.set()

    def _hear_knocks(self) -> None:
        if not self._stopping:
            asyncio.get_running_loop().add_reader(self._listener, self._knock.set)

    def _step_aside(self, seconds: float) -> None:
        """Out of descriptors, hear nobody knock for so many seconds.

        `asyncio.start_server` would note a hundred times that it is to try again, and each of these
        a hundred times more (`_accept_connection` in asyncio/selector_events.py).
        """
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listener)
        loop.call_later(seconds, self._hear_knocks)
