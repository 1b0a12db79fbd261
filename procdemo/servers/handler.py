"""Serve one TCP client with blocking calls, within its limits.

TCP is a stream: what one send() put in may come out of several recv() and the other way round,
so nothing here takes a recv() for a message (Python documentation, "Socket Programming
HOWTO", "Using a Socket").
"""

import contextlib
import math
import socket
import struct
import time
from collections.abc import Callable

from procdemo.demo.events import Emitter
from procdemo.servers import refusal
from procdemo.servers.limits import ClientLimits
from procdemo.servers.settings import ServerSettings

BLOCKS = (refusal,)
STORY = {
    "open to others": "warning: {host} is not loopback: any host that reaches this machine may connect",
    "served": "{client}: {reason}, {bytes} bytes",
}
DETAIL = {"heard": "{client} says {data}"}
"""Sentences that all servers share."""

MORE_SERVED = "... and {more} more clients"
"""What is said of clients that come too fast for a line each."""

CROWDS = {"serve.begin": MORE_SERVED, "served": "... and {more} more clients have been served"}

_CHUNK = 65_536  # bytes asked of one recv()
REPORTED_BYTES = 1_000
"""Bytes of one piece that an event reports: to encode 64 KiB would cost more than to answer them."""

Outcome = tuple[str, int]
"""How the service of a client ended: the reason, and the bytes that came from the client.

Each byte was answered, unless the reason says otherwise.
"""


def set_pace(sock: socket.socket, settings: ServerSettings) -> None:
    """Let recv() and send() on `sock` wait for a moment only, so that `echo` can look at the clock.

    The kernel keeps the time (socket(7), SO_RCVTIMEO, SO_SNDTIMEO) where a Python time-out would
    poll() before each call. What a listener accepts inherits it.
    """
    idle = settings.idle_timeout
    seconds = min(idle / math.ceil(idle / settings.pace), settings.total_timeout)
    timeval = struct.pack("@ll", int(seconds), int(seconds % 1 * 1e6))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)


def echo(
    conn: socket.socket,
    settings: ServerSettings,
    on_data: Callable[[bytes], object] = lambda data: None,  # noqa: ARG005
    on_tick: Callable[[], object] = lambda: None,
) -> Outcome:
    """Answer the client's bytes in upper case until it has sent its last, then close `conn`.

    Args:
        conn: the connection, with the pace of `set_pace`; closed on return, and for the peer too,
            unless the client has left and another process holds a copy.
        settings: its limits: idle and total seconds, bytes.
        on_data: called with each piece as it arrives.
        on_tick: called every ``settings.pace`` seconds, whether the client does something or not.
    """
    clock, pace = time.monotonic, settings.pace
    now = clock()
    limits = ClientLimits(settings, now)
    tick_at = min(now + pace, limits.deadline)
    unsent = b""
    client_left = False
    try:
        while True:
            try:
                if not unsent:
                    data = conn.recv(_CHUNK)
                    if not data:
                        client_left = True
                        return "client left", limits.received
                    if not limits.accept_bytes(len(data)):
                        return limits.say_too_many_bytes(conn), limits.received
                    on_data(data)
                    unsent = data.upper()
                unsent = unsent[conn.send(unsent) :]
                limits.progress_at = now = clock()
            except BlockingIOError:  # nothing can be read, or written, for a moment
                tick_at = now = clock()
            if now >= tick_at:  # also for a client that always sends something
                on_tick()
                if reason := limits.over_time(now):
                    return reason, limits.received
                tick_at = min(now + pace, limits.deadline)
    except OSError as error:  # reset, broken pipe, unreachable: caused by the client, no fault of the server
        return error.strerror or str(error), limits.received
    finally:
        conn.close() if client_left else hang_up(conn)


def handle(
    conn: socket.socket,
    client: str,
    settings: ServerSettings,
    emit: Emitter,
    on_tick: Callable[[], object] = lambda: None,
) -> Outcome:
    """As `echo`; with ``-v`` each piece is reported, too."""
    if not settings.verbose:
        return echo(conn, settings, on_tick=on_tick)

    def on_data(data: bytes) -> None:
        emit.mark("heard", client=client, data=data[:REPORTED_BYTES])

    return echo(conn, settings, on_data, on_tick)


def attend(
    conn: socket.socket, client: str, settings: ServerSettings, emit: Emitter
) -> tuple[float, Outcome]:
    """Answer one client until it leaves; return for how many seconds, and how that has ended."""
    before = time.monotonic()
    outcome = handle(conn, client, settings, emit)
    return time.monotonic() - before, outcome


def serve(conn: socket.socket, client: str, settings: ServerSettings, emit: Emitter, **who: str) -> None:
    """Answer one client until it leaves, and report it; `client` is its name, `who` says what serves it."""
    emit.begin("serve", client=client, **who)
    seconds, (reason, received) = attend(conn, client, settings, emit)
    emit.mark("served", client=client, bytes=received, ms=seconds * 1e3, reason=reason)
    emit.end("serve")


def hang_up(conn: socket.socket) -> None:
    """End the connection for both sides, even while another process holds a copy of it."""
    with contextlib.suppress(OSError):
        conn.shutdown(socket.SHUT_RDWR)
    conn.close()
