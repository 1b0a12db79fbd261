"""How a client is refused: one line that says why, and an event."""

import contextlib
import socket

from procdemo.demo.events import Emitter

STORY = {
    "no room": "client {client} refused: no process can be started for it: {error}",
    "refused": "client {client} refused: {limit} are connected already (--max-connections)",
}

REFUSAL = b"procdemo: "
"""How the line begins that says why there is no (more) service."""

NO_ROOM = "no room for one more, try again later"
"""The reason if no process or thread can be started for a client."""

_CHUNK = 65_536  # bytes asked of one recv()


def refuse_over_limit(conn: socket.socket, client: str, limit: int, emit: Emitter) -> None:
    """Refuse `client`, because `limit` clients are connected already; close `conn`."""
    emit.mark("refused", client=client, limit=limit)
    send_last_line(conn, f"{limit} clients are connected already, try again later")
    conn.close()


def refuse_without_process(conn: socket.socket, client: str, error: OSError, emit: Emitter) -> None:
    """Refuse `client`, because of the `error` when a process was started for it; close `conn`."""
    emit.mark("no room", client=client, error=error.strerror or str(error))
    send_last_line(conn, NO_ROOM)
    conn.close()


def send_last_line(conn: socket.socket, reason: str) -> None:
    """Send one line that says why there is no (more) service; never waits.

    What the client has sent so far is read and dropped, because closing a socket with unread bytes
    resets the connection, and the client might not see the line.
    """
    conn.setblocking(False)
    with contextlib.suppress(OSError):
        conn.send(REFUSAL + f"{reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        while conn.recv(_CHUNK):
            pass
