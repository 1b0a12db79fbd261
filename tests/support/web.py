"""Small web servers for tests, polite and hostile: real sockets, in threads of the test process.

    with Web({"/": page("hello"), "/drip": drip}) as web:
        ... web.url ... web.asked ... web.connections

A page is bytes (the whole answer) or a function of the connection and an event that is set when
the server closes; it may wait for that event, and it ends the connection by returning False.
"""

import contextlib
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

Misbehave = Callable[[socket.socket, threading.Event], Any]


def answer(body: bytes | str = b"", status: str = "200 OK", **headers: str) -> bytes:
    """Return an answer; ``Content_Type="..."`` and the like are headers."""
    raw = body.encode() if isinstance(body, str) else body
    fields = {"Content_Type": "text/html; charset=utf-8", "Content_Length": str(len(raw)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1") + raw


def page(title: str, links: Iterable[str] = (), more: str = "") -> bytes:
    """Return the answer with an HTML page."""
    anchors = "".join(f'<a href="{link}">{link}</a>\n' for link in links)
    return answer(f"<!DOCTYPE html><title>{title}</title><body>{anchors}{more}")


def redirect(location: str, status: str = "302 Found") -> bytes:
    """Return the answer that sends to `location`."""
    return answer(b"", status, Location=location)


NOT_FOUND = answer("<title>none</title>", "404 Not Found")


class Web:
    """A server, on a free port of 127.0.0.1 unless told otherwise."""

    def __init__(
        self,
        pages: Mapping[str, bytes | Misbehave],
        robots: bytes | Misbehave = NOT_FOUND,
        address: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        self.pages = {"/robots.txt": robots, **pages}
        self.asked: Counter[str] = Counter()
        self.heads: list[str] = []
        self.connections = 0
        self._closing = threading.Event()
        self._listener = socket.create_server(address, backlog=128)
        self.port = self._listener.getsockname()[1]
        self.origin = f"http://{address[0]}:{self.port}"
        self.url = f"{self.origin}/"
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for sock in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(conn)
            thread = threading.Thread(target=self._serve, args=(conn,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, conn: socket.socket) -> None:
        with conn, contextlib.suppress(OSError), conn.makefile("rb") as lines:
            while not self._closing.is_set():
                head = []
                while (line := lines.readline()) not in {b"\r\n", b""}:
                    head.append(line.decode("latin-1").rstrip("\r\n"))
                if not head:
                    break
                self.heads.append("\n".join(head))
                path = head[0].split()[1]
                self.asked[path] += 1
                what = self.pages.get(path, NOT_FOUND)
                if callable(what):
                    if what(conn, self._closing) is False:
                        break
                else:
                    conn.sendall(what)
        self._open.discard(conn)


def drip_body(conn: socket.socket, closing: threading.Event) -> bool:
    """Send one byte of body every 0.1 s, for ever."""
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    while not closing.wait(0.1):
        conn.sendall(b"x")
    return False


def drip_header(conn: socket.socket, closing: threading.Event) -> bool:
    """Send one byte of a header every 0.1 s, for ever."""
    conn.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not closing.wait(0.1):
        conn.sendall(b"x")
    return False


def continue_for_ever(conn: socket.socket, closing: threading.Event) -> bool:
    """Send ``100 Continue`` again and again."""
    while not closing.wait(0.02):
        conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    return False


def stay_silent(conn: socket.socket, closing: threading.Event) -> bool:
    """Say nothing."""
    closing.wait()
    return False


def hang_up(conn: socket.socket, closing: threading.Event) -> bool:
    """Close without an answer."""
    return False


def endless(head: bytes, piece: bytes) -> Misbehave:
    """Return a page that sends `head` and then `piece` for ever, as fast as it is read."""

    def send(conn: socket.socket, closing: threading.Event) -> bool:
        conn.sendall(head)
        while not closing.is_set():
            conn.sendall(piece)
        return False

    return send


def raw(data: bytes) -> Misbehave:
    """Return a page that sends `data` and closes."""

    def send(conn: socket.socket, closing: threading.Event) -> bool:
        conn.sendall(data)
        return False

    return send


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
GIB_OF_CHUNKS = endless(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n")
TWO_GIB_CLAIMED = raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2147483648\r\n\r\nabc")
TWO_GIB_SENT = endless(
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2147483648\r\n\r\n", b"x" * 65536
)
CHUNK_OF_MINUS_ONE = endless(CHUNKED + b"-1\r\n", b"x" * 65536)
MANY_HEADERS = raw(
    b"HTTP/1.1 200 OK\r\n"
    + b"".join(b"X-%d: y\r\n" % i for i in range(10_000))
    + b"Content-Length: 0\r\n\r\n"
)
LONG_HEADER = raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * (1 << 20) + b"\r\nContent-Length: 0\r\n\r\n")
