"""Talk to one TCP client, within limits.

TCP is a stream: what one send() put in may come out of several recv() and the other way round,
so nothing here believes that a recv() is a message (Python documentation, "Socket Programming
HOWTO", "Using a Socket").
"""

import contextlib
import math
import socket
import struct
import time
from collections.abc import Callable

from procdemo.demo.events import Emitter
from procdemo.servers.settings import ServerSettings

STORY = {
    "open to others": "warning: {host} is not loopback; whoever reaches this machine may connect",
    "served": "client {client}: {bytes} bytes in {ms:.1f} ms, {reason}",
    "no room": "client {client} refused: no process can be started for it: {error}",
    "refused": "client {client} refused: {limit} are connected already (--max-connections)",
}
DETAIL = {"serve.begin": "serves client {client}", "heard": "client {client} says {data}"}
"""Sentences that all servers share; the STORY and DETAIL of each take them in."""

_CHUNK = 65_536  # bytes asked of one recv()


Outcome = tuple[str, int]
"""How a conversation ended: the reason, and the bytes that came from the client.

Each was answered, unless the reason says otherwise.
"""


def set_pace(sock: socket.socket, settings: ServerSettings) -> None:
    """Let recv() and send() on `sock` wait for a moment only, so that `converse` can look at the clock.

    The kernel keeps the time (socket(7), SO_RCVTIMEO, SO_SNDTIMEO) where a Python time-out would
    poll() before each call. What a listener accepts inherits it.
    """
    idle = settings.idle_timeout
    seconds = min(idle / math.ceil(idle / settings.pace), settings.total_timeout)
    timeval = struct.pack("@ll", int(seconds), int(seconds % 1 * 1e6))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)


def converse(
    conn: socket.socket,
    settings: ServerSettings,
    heard: Callable[[bytes], object] = lambda data: None,  # noqa: ARG005
    look: Callable[[], object] = lambda: None,
) -> Outcome:
    """Answer the client's bytes in upper case until it has sent its last, then close `conn`.

    Args:
        conn: the connection, with the pace of `set_pace`; closed on return, and for the peer too,
            unless that has left and somebody else holds a copy.
        settings: its limits: idle and total seconds, bytes.
        heard: called with each piece as it arrives.
        look: called now and then, whether the client does something or not.
    """
    clock, idle, most, pace = time.monotonic, settings.idle_timeout, settings.max_bytes, settings.pace
    look_at = now = clock()
    end, quiet_until = now + settings.total_timeout, now + idle
    received, unsent = 0, b""
    left = False
    try:
        while True:
            try:
                if not unsent:
                    data = conn.recv(_CHUNK)
                    if not data:
                        left = True
                        return "client left", received
                    received += len(data)
                    if received > most:
                        say_no(conn, f"more than {most} bytes (--max-bytes)")
                        return "more than --max-bytes", received
                    heard(data)
                    unsent = data.upper()
                unsent = unsent[conn.send(unsent) :]
                now = clock()
                quiet_until = now + idle
            except BlockingIOError:  # nothing can be read, or written, for a moment
                look_at = now = clock()
                if now >= quiet_until:
                    return "over --idle-timeout", received
            if now >= look_at:  # a client that always has something to say leaves no such moment
                look_at = now + pace
                look()
            if now >= end:
                return "over --total-timeout", received
    except OSError as error:  # reset, broken pipe, unreachable: the client's affair, not ours
        return error.strerror or str(error), received
    finally:
        conn.close() if left else hang_up(conn)


def talk(
    conn: socket.socket,
    client: str,
    settings: ServerSettings,
    emit: Emitter,
    look: Callable[[], object] = lambda: None,
) -> Outcome:
    """As `converse`; with ``-v`` each piece is reported, too."""
    if not settings.verbose:
        return converse(conn, settings, look=look)
    return converse(conn, settings, lambda data: emit.mark("heard", client=client, data=data[:1000]), look)


def serve(conn: socket.socket, client: str, settings: ServerSettings, emit: Emitter) -> None:
    """Answer one client until it leaves, and report it; `client` is its name, ``host:port``."""
    emit.begin("serve", client=client)
    before = time.monotonic()
    reason, received = talk(conn, client, settings, emit)
    ms = (time.monotonic() - before) * 1e3
    emit.mark("served", client=client, bytes=received, ms=ms, reason=reason)
    emit.end("serve")


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
