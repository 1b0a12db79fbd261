"""Find a server and connect to it, within a time limit; if that fails, say clearly why."""

import errno
import os
import socket
import threading
import time
from typing import Any, NamedTuple

from procdemo.tcp_client.exchange import RESET, ServerFailedError


class Address(NamedTuple):
    """An address that belongs to a name, for `socket.socket` and its connect()."""

    family: int
    sockaddr: Any


def resolve(host: str, port: int, timeout: float) -> list[Address]:
    """Return the addresses of `host`, the preferred one first.

    Raises:
        ServerFailedError: there are none, or the resolver did not answer within `timeout` seconds.
    """
    found: list[Address] = []
    reason = f"no answer within {timeout:g} s"

    def look_up() -> None:
        nonlocal reason
        try:
            for family, _, _, _, sockaddr in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append(Address(family, sockaddr))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)

    # The system's resolver has no time limit: it runs in a thread, which is left alone if it takes too long.
    resolver = threading.Thread(target=look_up, daemon=True)
    resolver.start()
    resolver.join(timeout)
    if resolver.is_alive() or not found:
        raise ServerFailedError("unknown host", f"cannot be reached: no such host ({reason})")
    return found


def connect(addresses: list[Address], timeout: float) -> socket.socket:
    """Return a non-blocking connection to the first address that accepts it.

    Raises:
        ServerFailedError: none did within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:  # one silent address must not use up the time of the others
            return _connect(address, max((deadline - time.monotonic()) / left, 1e-3))
        except OSError as error:
            failure = not_connected(error, timeout)
    raise failure


def _connect(address: Address, timeout: float) -> socket.socket:
    conn = socket.socket(address.family)
    try:
        conn.settimeout(timeout)
        conn.connect(address.sockaddr)
        conn.setblocking(False)
        check_connected(conn)
    except BaseException:
        conn.close()
        raise
    return conn


def check_connected(conn: socket.socket) -> None:
    """Make sure that connecting has led to a server, and let small messages leave at once.

    If no server listens on a port that the system may choose for a client, it may choose just
    that one: then the socket is connected to itself (RFC 9293, 3.5, simultaneous connect), and the
    client would receive its own message.

    Raises:
        OSError: it has not led to one.
    """
    if status := conn.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(status, os.strerror(status))
    if conn.getsockname() == conn.getpeername():
        raise ConnectionRefusedError(errno.ECONNREFUSED, "connected to itself")
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def not_connected(error: OSError, timeout: float) -> ServerFailedError:
    """Return why connecting failed, after at most `timeout` seconds."""
    if isinstance(error, TimeoutError):
        return ServerFailedError("silent", f"was silent: no connection within {timeout:g} s")
    if error.errno == errno.ECONNREFUSED:
        return ServerFailedError("refused", "refused the connection: no server listens there")
    if error.errno in RESET:
        return ServerFailedError("reset", "reset the connection at once")
    return ServerFailedError("unreachable", f"cannot be reached: {error.strerror or error}")
