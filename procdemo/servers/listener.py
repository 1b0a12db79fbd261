"""The listening socket of a server, its address, and which clients are let in."""

import os
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Self

from procdemo.demo.events import LISTENING, Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.process import shortage
from procdemo.process.close_on_fork import CloseOnFork
from procdemo.servers.accept_queue import AcceptQueue, Arrival
from procdemo.servers.client_register import ClientRegister
from procdemo.servers.handler import set_pace
from procdemo.servers.refusal import refuse_over_limit, refuse_without_process
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop

_BACKLOG = 4_096  # connections that the kernel keeps for us; it may cut this to its own limit


class Listener:
    """A bound, listening socket, as a context manager. Children made by fork close their copy at once."""

    def __init__(self, settings: ServerSettings, emit: Emitter) -> None:
        """Bind; the kernel accepts connections from now on.

        Raises:
            CannotRunError: the address cannot be listened on; exit status 1.
        """
        self._emit = emit
        self._most = settings.max_connections
        self.refused = 0
        """How many clients were refused here."""
        self.clients = ClientRegister.with_clients(settings.clients)
        """The names of the scripted clients."""
        self.socket = _listen(settings.host, settings.port)
        """Non-blocking."""
        self._close_on_fork = CloseOnFork(self.socket)
        self.host, self.port = self.socket.getsockname()[:2]
        set_pace(self.socket, settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def announce(self) -> None:
        """Report `listening`: clients are accepted, or will be at once."""
        if not is_loopback(self.host):
            self._emit.mark("open to others", host=self.host)
        self._emit.mark(LISTENING, host=self.host, port=self.port)

    def arrivals(self, loop: StoppableLoop, connected: Callable[[], int]) -> Iterator[Arrival]:
        """Yield each client, as its connection and its name, until `loop` is asked to stop.

        If `connected()` says that as many clients as allowed are connected, the next one is refused.
        """
        readable = False

        def on_readable() -> None:
            nonlocal readable
            readable = True

        queue = AcceptQueue(
            self.socket,
            watch=partial(loop.add_reader, self.socket, on_readable),
            unwatch=partial(loop.remove_reader, self.socket),
            clients=self.clients,
        )
        while not loop.stopping:
            readable = False
            loop.run_once(queue.resume())  # first notice which clients have left, then accept the next
            if readable and (arrival := queue.accept()) and self.admit_or_refuse(arrival, connected()):
                yield arrival
        queue.close()
        self.socket.close()

    def admit_or_refuse(self, arrival: Arrival, connected: int) -> bool:
        """Return True if a client may be served while `connected` others are; otherwise refuse it."""
        if connected < self._most:
            return True
        self.refused += 1
        refuse_over_limit(*arrival, self._most, self._emit)
        return False

    def refuse(self, conn: socket.socket, client: str, error: OSError) -> None:
        """Refuse a client, because of the `error` when a process or thread was started for it."""
        self.refused += 1
        refuse_without_process(conn, client, error, self._emit)


def is_loopback(address: str) -> bool:
    """Tell whether only this machine can reach `address`, an IPv4 or IPv6 address."""
    return address.startswith("127.") or address in {"::1", "::ffff:127.0.0.1"}


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or "127.0.0.1", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        if lack := shortage.named(error):  # to look up a name takes descriptors and modules
            raise lack from None
        raise CannotRunError(f"no such host: {host} ({error})", "--host 127.0.0.1") from None
    try:
        if os.name == "posix":  # elsewhere the option would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        hint = "--port 0 for a free one" if port else f"--host 127.0.0.1 instead of {host}"
        raise CannotRunError(f"cannot listen on {host} port {port}: {error.strerror}", hint) from None
    listener.setblocking(False)
    return listener
