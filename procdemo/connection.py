"""Talk to one TCP client, within limits; and wait at the door for the next.

TCP is a stream: what one send() put in may come out of several recv() and the other way round,
so nothing here believes that a recv() is a message (Python documentation, "Socket Programming
HOWTO", "Using a Socket").
"""

import contextlib
import errno
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Annotated, Any, NamedTuple, Self

from procdemo.config import Arg, CannotRunError, Settings
from procdemo.events import LISTENING, Emitter

_CHUNK = 65_536  # bytes asked of one recv()
_BACKLOG = 4_096  # connections that the kernel keeps for us; it may cut this to its own limit
_FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_RETRY_S = 0.1  # pause when the process is out of descriptors


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings(Settings):
    """Settings of every server: where it listens, and the limits of one connection."""

    host: Annotated[str, Arg("Address to listen on; anything but loopback lets others in.")] = "127.0.0.1"
    port: Annotated[int, Arg("Port to listen on; 0 for a free one.", min=0, max=65535, short="-p")] = 8080
    clients: Annotated[int, Arg("Add this many scripted clients, and end when they have left.", min=0)] = 0
    stay: Annotated[float, Arg("How long a scripted client stays.", min=0, metavar="SECONDS")] = 0.5
    idle_timeout: Annotated[float, Arg("Silence after which a client is sent away.", min=0.01, metavar="SECONDS")] = 300
    total_timeout: Annotated[float, Arg("Longest time for one connection.", min=0.01, metavar="SECONDS")] = 3600
    grace: Annotated[float, Arg("How long a stopping server lets clients finish.", min=0, metavar="SECONDS")] = 1.0
    max_connections: Annotated[int, Arg("Clients connected at once; more are refused.", min=1)] = 100
    max_bytes: Annotated[int, Arg("Bytes taken from one connection.", min=1)] = 64 << 20


class Farewell(NamedTuple):
    """How a conversation ended."""

    reason: str
    received: int
    """Bytes from the client, each answered unless `reason` says otherwise."""


def converse(
    conn: socket.socket, settings: ServerSettings, heard: Callable[[bytes], None] = lambda _: None
) -> Farewell:
    """Answer the client's bytes in upper case until it has sent its last, then close `conn`.

    Args:
        conn: the connection; closed, for the peer too, on return.
        settings: its limits: idle and total seconds, bytes.
        heard: called with each piece as it arrives.
    """
    deadline = time.monotonic() + settings.total_timeout
    received = 0
    limit = None
    try:
        while True:
            patience = min(settings.idle_timeout, max(deadline - time.monotonic(), 1e-3))
            if patience != limit:
                conn.settimeout(limit := patience)
            data = conn.recv(_CHUNK)
            if not data:
                return Farewell("client left", received)
            received += len(data)
            if received > settings.max_bytes:
                say_no(conn, f"more than {settings.max_bytes} bytes (--max-bytes)")
                return Farewell("more than --max-bytes", received)
            heard(data)
            conn.sendall(data.upper())
            if time.monotonic() > deadline:
                return Farewell("over --total-timeout", received)
    except TimeoutError:
        late = time.monotonic() >= deadline
        return Farewell("over --total-timeout" if late else "over --idle-timeout", received)
    except OSError as error:  # reset, broken pipe, unreachable: the client's affair, not ours
        return Farewell(error.strerror or str(error), received)
    finally:
        hang_up(conn)


def say_no(conn: socket.socket, reason: str) -> None:
    """Send one line that says why there is no (more) service; never waits.

    What the client has sent so far is read and dropped: closing a socket with unread bytes
    resets the connection, and the client might not see the line.
    """
    conn.setblocking(False)
    with contextlib.suppress(OSError):
        conn.send(f"procdemo: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(_CHUNK):
            pass


def hang_up(conn: socket.socket) -> None:
    """End the connection for both sides, even while another process holds a copy of it."""
    with contextlib.suppress(OSError):
        conn.shutdown(socket.SHUT_RDWR)
    conn.close()


class Door:
    """A listening socket, and whatever else a server's main process waits for.

    One loop, one thread, no polling: new clients, watched descriptors and the request to stop
    all end the same wait. Children made by fork close their copies at once.
    """

    def __init__(self, settings: ServerSettings, emit: Emitter) -> None:
        """Bind, and report `listening`.

        Raises:
            CannotRunError: the address cannot be listened on; exit status 1.
        """
        self._listener = _listen(settings.host, settings.port)
        self._selector = selectors.DefaultSelector()
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._stopping = False
        self._kept: set[socket.socket] = set()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        os.register_at_fork(after_in_child=self._leave)
        self.host, self.port = self._listener.getsockname()[:2]
        emit.mark(LISTENING, host=self.host, port=self.port)

    def __enter__(self) -> Self:
        self._handlers = {s: signal.signal(s, self._ring) for s in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._handlers.items():
            signal.signal(signum, handler)
        self._leave()

    def _ring(self, signum: int, frame: FrameType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Let no one else in: `arrivals` ends."""
        self._stopping = True
        with contextlib.suppress(BlockingIOError):
            self._rope.send(b".")

    def watch(self, fileobj: Any, act: Callable[[], None]) -> None:
        """Call `act()` whenever `fileobj` is readable while we wait."""
        self._selector.register(fileobj, selectors.EVENT_READ, act)

    def unwatch(self, fileobj: Any) -> None:
        """Stop watching `fileobj`; before it is closed."""
        self._selector.unregister(fileobj)

    def keep(self, conn: socket.socket) -> None:
        """Hold a copy of `conn` here that no child shall inherit."""
        self._kept.add(conn)

    def let_go(self, conn: socket.socket) -> None:
        """Close our copy of `conn` and, should its worker be gone, the connection."""
        self._kept.discard(conn)
        hang_up(conn)

    def arrivals(self) -> Iterator[tuple[socket.socket, str]]:
        """Yield each client, as its connection and its name ``host:port``, until asked to stop."""
        while not self._stopping:
            for key in self._wait(None):
                if key.fileobj is self._listener and (arrival := self._accept()):
                    yield arrival
        self._selector.unregister(self._listener)
        self._listener.close()

    def attend(self, until: Callable[[], bool], seconds: float) -> bool:
        """Serve the watched descriptors until `until()` is true or `seconds` are over; return which."""
        deadline = time.monotonic() + seconds
        while not until():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._wait(left)
        return True

    def _wait(self, seconds: float | None) -> list[selectors.SelectorKey]:
        ready = [key for key, _ in self._selector.select(seconds)]
        for key in ready:  # who has left, before who arrives
            if key.data:
                key.data()
            elif key.fileobj is self._bell:
                self._bell.recv(1)
        return ready

    def _accept(self) -> tuple[socket.socket, str] | None:
        try:
            conn, (host, port, *_) = self._listener.accept()
        except OSError as error:
            if error.errno in _FULL:  # keep those who are here; the others wait in the kernel's backlog
                time.sleep(_RETRY_S)  # noqa: TID251 - no event tells that a descriptor is free again
            return None
        return conn, f"{host}:{port}"

    def _leave(self) -> None:
        self._selector.close()
        for sock in (self._listener, self._bell, self._rope, *self._kept):
            sock.close()


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
