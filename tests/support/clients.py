"""Clients of a server under test: polite, rude, too busy or silent."""

import select
import socket
import struct
from typing import Self

from time_limit import TimeLimit

SOON_S = 1.0
"""O9: how long an honest client may wait for its answer."""


class Client:
    """A client that takes nothing for granted; whatever goes wrong is an AssertionError."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", receive_buffer: int = 0) -> None:
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(10)  # a hang
        try:
            self.sock.connect((host, port))
        except OSError as error:
            self.sock.close()
            raise AssertionError(f"O9: cannot connect: {error}") from None
        self.port = port
        self.name = "{}:{}".format(*self.sock.getsockname())
        """As the system has it."""
        self.label = f"client (port {self.sock.getsockname()[1]})"
        """As our servers name it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise AssertionError(f"O9: the server does not take {len(data)} bytes: {error}") from None

    def receive(self, count: int, within: float = SOON_S) -> bytes:
        """Return exactly `count` bytes."""
        limit = TimeLimit(within)
        data, ended = self._receive(count, limit)
        end = "and the end " if ended else ""
        assert len(data) == count, f"O9: {len(data)} of {count} bytes {end}within {limit}: {data!r:.200}"
        return data

    def receive_end(self, within: float = SOON_S) -> bytes:
        """Return what comes until the end, which must come; a reset is an end as well."""
        limit = TimeLimit(within)
        data, ended = self._receive(1 << 30, limit)
        assert ended, f"EOF: the client does not receive the end within {limit}"
        return data

    def receive_up_to(self, count: int, within: float) -> tuple[bytes, bool]:
        """Return `count` bytes or what has come of them in time, and whether the end has come."""
        return self._receive(count, TimeLimit(within))

    def _receive(self, count: int, limit: TimeLimit) -> tuple[bytes, bool]:
        data = b""
        while len(data) < count:
            try:
                self.sock.settimeout(limit.look_s)
                piece = self.sock.recv(min(count - len(data), 1 << 16))
            except TimeoutError:
                if limit.passed:
                    return data, False
                continue
            except OSError:
                return data, True
            if not piece:
                return data, True
            data += piece
        return data, False

    def ask(self, data: bytes = b"hello", within: float = SOON_S) -> None:
        """Send `data`, and receive it in upper case."""
        self.send(data)
        answer = self.receive(len(data), within)
        assert answer == data.upper(), f"O9: {answer!r:.200}"

    def exchange(self, data: bytes, within: float) -> bytes:
        """Send all of `data` and finish; return what comes until the end, which must come."""
        limit = TimeLimit(within)
        received, rest = b"", memoryview(data)
        self.sock.setblocking(False)
        while not limit.passed:
            readable, writable, _ = select.select([self.sock], [self.sock] if rest else [], [], 0.1)
            try:
                if writable:
                    rest = rest[self.sock.send(rest) :]
                    if not rest:
                        self.finish()
                if readable:
                    piece = self.sock.recv(1 << 16)
                    if not piece:
                        return received
                    received += piece
            except OSError as error:
                raise AssertionError(f"O9: {len(received)} of {len(data)} bytes, then {error}") from None
        raise AssertionError(f"EOF: {len(received)} of {len(data)} bytes within {limit}, and no end")

    def flood(self) -> bool:
        """Send as much as goes without waiting; return whether the connection is still open."""
        self.sock.setblocking(False)
        try:
            while True:
                self.sock.send(b"x" * 65536)
        except BlockingIOError:
            return True
        except OSError:
            return False

    def is_silent(self) -> bool:
        """Return whether there is nothing to receive at this moment: no answer, no end."""
        return not select.select([self.sock], [], [], 0)[0]

    def finish(self) -> None:
        """End this half of the connection: nothing more will be sent."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close the connection with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
