"""Receive with a time-out that does not count a pause of the demo, as the kernel does."""

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket


def receive(connection: "socket.socket", most: int) -> bytes:
    """Return what ``connection.recv(most)`` does.

    Raises:
        OSError: as `socket.socket.recv`; TimeoutError if nothing has come within its time-out.
    """
    limit = connection.gettimeout()
    end = math.inf if limit is None else time.monotonic() + limit
    try:
        while True:
            try:
                return connection.recv(most)
            except TimeoutError:
                left = end - time.monotonic()
                if left <= 0:
                    raise
                connection.settimeout(left)
    finally:
        if connection.gettimeout() != limit:
            connection.settimeout(limit)
