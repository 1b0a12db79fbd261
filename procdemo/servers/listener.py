"""A server's door: wait for the next client, and for whatever else may happen meanwhile."""

import contextlib
import errno
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Self

from procdemo.demo.events import LISTENING, Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.process.selector_loop import SelectorLoop
from procdemo.servers.handler import hang_up, say_no, set_pace
from procdemo.servers.settings import ServerSettings

_BACKLOG = 4_096  # connections that the kernel keeps for us; it may cut this to its own limit
_FAMILY = {False: int(socket.AF_INET), True: int(socket.AF_INET6)}
_STREAM = int(socket.SOCK_STREAM)  # numbers: an enumeration takes a microsecond to be understood
_FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_RETRY_S = 0.1  # pause when the process is out of descriptors


class Listener:
    """A listening socket, and whatever else a server's main process waits for.

    One loop, one thread, no polling: new clients, watched descriptors and the request to stop
    all end the same wait. Children made by fork close their copies at once.
    """

    def __init__(self, settings: ServerSettings, emit: Emitter) -> None:
        """Bind; within the block clients are let in, and `listening` is reported.

        Raises:
            CannotRunError: the address cannot be listened on; exit status 1.
        """
        self._emit = emit
        self._most = settings.max_connections
        self.refused = 0
        self._listener = _listen(settings.host, settings.port)
        self.loop = SelectorLoop()
        """What this process waits with, for clients and for everything else."""
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._stopping = self._knocked = False
        self._kept: set[socket.socket] = set()
        self.loop.add_reader(self._bell, lambda: self._bell.recv(1))
        os.register_at_fork(after_in_child=self._disown)
        self.host, self.port = self._listener.getsockname()[:2]
        set_pace(self._listener, settings)

    def _open(self) -> None:
        """Wait for clients, and say so."""
        self.loop.add_reader(self._listener, self._hear_knock)
        self._announce()

    def _announce(self) -> None:
        if not is_loopback(self.host):
            self._emit.mark("open to others", host=self.host)
        self._emit.mark(LISTENING, host=self.host, port=self.port)

    def __enter__(self) -> Self:
        self._handlers = {s: signal.signal(s, self._ring) for s in (signal.SIGTERM, signal.SIGINT)}
        self._open()  # only now: whoever reads `listening` may ask us to stop
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._handlers.items():
            signal.signal(signum, handler)
        self._leave()

    def _ring(self, _signum: int, _frame: FrameType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Let no one else in: `arrivals` ends."""
        self._stopping = True
        with contextlib.suppress(BlockingIOError):
            self._rope.send(b".")

    def keep(self, conn: socket.socket) -> None:
        """Hold a copy of `conn` here that no child shall inherit."""
        self._kept.add(conn)

    def let_go(self, conn: socket.socket | None) -> None:
        """Close our copy of `conn` and, should its worker be gone, the connection."""
        if conn:
            self._kept.discard(conn)
            hang_up(conn)

    def arrivals(self, present: Callable[[], int]) -> Iterator[tuple[socket.socket, str]]:
        """Yield each client, as its connection and its name ``host:port``, until asked to stop.

        While `present()` says that as many are here as may be, the next is politely refused.
        """
        while not self._stopping:
            self._knocked = False
            self.loop.run_once(None)  # who has left, before who arrives
            if self._knocked and (arrival := accept(self._listener)) and self._has_room(arrival, present()):
                yield arrival
        self.loop.remove_reader(self._listener)
        self._listener.close()

    def _has_room(self, arrival: tuple[socket.socket, str], present: int) -> bool:
        """Return whether one more may come in; if not, it is politely refused."""
        if present < self._most:
            return True
        conn, client = arrival
        self._emit.mark("refused", client=client, limit=self._most)
        self._send_away(conn, f"{self._most} clients are connected already")
        return False

    def _hear_knock(self) -> None:
        self._knocked = True

    def turn_away(self, conn: socket.socket, client: str, error: OSError) -> None:
        """Refuse a client that nobody can be started for; those who are here stay."""
        self._emit.mark("no room", client=client, error=error.strerror or str(error))
        self._send_away(conn, "no room for one more")

    def _send_away(self, conn: socket.socket, why: str) -> None:
        self.refused += 1
        say_no(conn, f"{why}, try again later")
        conn.close()

    def _disown(self) -> None:
        """In a forked child: close what would keep the port or somebody's connection open."""
        for sock in (self._listener, *self._kept):
            if (fd := sock.fileno()) >= 0:
                os.close(fd)  # not sock.close(): every object it touches costs the child a page

    def _leave(self) -> None:
        self.loop.close()
        for sock in (self._listener, self._bell, self._rope, *self._kept):
            sock.close()


def is_loopback(address: str) -> bool:
    """Tell whether nobody but this machine reaches `address`, an IPv4 or IPv6 address."""
    return address.startswith("127.") or address in {"::1", "::ffff:127.0.0.1"}


def accept(
    listener: socket.socket, step_aside: Callable[[float], None] | None = None
) -> tuple[socket.socket, str] | None:
    """Return a client, as its connection and its name ``host:port``; None if there is none for us now.

    Where several processes accept from one listener, another may have been faster: that is normal.
    Out of descriptors, this process waits for a moment, or calls `step_aside` with its seconds.
    """
    try:
        # As socket.accept does, which asks the listener four things that are known and takes twice as long.
        fd, (host, port, *_) = listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001
    except OSError as error:
        if error.errno in _FULL:  # keep those who are here; the others wait in the kernel's backlog
            (step_aside or time.sleep)(_RETRY_S)  # noqa: TID251 - no event tells that one is free again
        return None
    return socket.socket(_FAMILY[":" in host], _STREAM, 0, fd), f"{host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or "127.0.0.1", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
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
