"""One request and its answer, over a connection that serves for nothing else (HTTP/1.1, RFC 9112).

A connection that is kept could hold bytes that belong to no request of ours: a second answer, or a
body that goes on behind its length. They may arrive at any moment, so the next page would get them.
The answer is parsed by h11, which is strict where the standard library guesses.
"""

import re
import socket
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from time import time
from typing import NamedTuple

import h11

from procdemo.process.receiving import receive

AGENT = "procdemo"
"""The name of this crawler, in its requests and for robots.txt."""

BUSY = {429, 503}
"""Statuses of a server that wants to be asked later (RFC 6585, 4; RFC 9110, 15.6.4): no broken links."""

_HEADERS = [
    ("User-Agent", AGENT),
    ("Accept", "text/html, */*;q=0.1"),
    ("Accept-Encoding", "identity"),
    ("Connection", "close"),
]
_PIECE = 1 << 16  # bytes asked of one read
_HEAD = 1 << 15  # bytes of a status line and its headers, or of the first line of a chunk
_QUOTED = re.compile(r":? (bytearray\(|b['\"]).*", re.DOTALL)  # in h11's messages: what the server sent
# What https://www.iana.org/assignments/http-parameters calls a content coding.
_CODINGS = {"gzip", "x-gzip", "compress", "x-compress", "deflate", "br", "zstd", "dcb", "dcz", "exi"} | {
    "aes128gcm",
    "pack200-gzip",
}


class NoPageError(Exception):
    """A page cannot be had; the message says why."""

    def __init__(self, why: str, status: int = 0, skip: str = "", retry_after: float = -1.0) -> None:
        """Say why; HTTP's `status`, if there was an answer; `skip` and `retry_after` as in `Page`."""
        super().__init__(why)
        self.status = status
        self.skip = skip
        self.retry_after = retry_after


class Answer(NamedTuple):
    """What a server has answered."""

    status: int
    headers: dict[str, str]
    """By names in lower case; several values of a name are joined by commas."""
    body: bytes

    @property
    def retry_after(self) -> float:
        """Seconds after which the server wants to be asked again (RFC 9110, 10.2.3); -1 if not said."""
        text = self.headers.get("retry-after", "").strip()
        if not text:
            return -1.0
        if re.fullmatch("[0-9]+", text):
            return float(text[:18])
        try:
            then = parsedate_to_datetime(text).timestamp()
        except (ValueError, OverflowError):
            return -1.0
        try:
            now = parsedate_to_datetime(self.headers.get("date", "")).timestamp()  # the clock of the server
        except (ValueError, OverflowError):
            now = time()
        return max(0.0, then - now)


def ask(connection: socket.socket, host: str, target: str, most: int, *, cut: bool) -> Answer:
    """Make the one request of a fresh `connection`, and return the answer.

    Args:
        connection: to the server; the caller closes it.
        host: what the server is called in the URL, with the port.
        target: the rest of the URL.
        most: bytes that the body may have.
        cut: whether to leave out the rest of a longer body.

    Raises:
        NoPageError: there is no answer, or no valid one, or the body is longer and not to be cut.
    """
    try:
        answer = _exchange(connection, host, target, most, cut=cut)
    except h11.RemoteProtocolError as error:
        raise NoPageError(f"no valid answer: {_in_plain_words(str(error))}") from None
    except TimeoutError:
        raise NoPageError(f"timed out: nothing was heard for {connection.gettimeout()} s") from None
    except OSError as error:
        raise NoPageError(f"the connection broke: {error.strerror or error}") from None
    codings = {word.strip().lower() for word in answer.headers.get("content-encoding", "").split(",")}
    if codings & _CODINGS:
        raise NoPageError("compressed, though that was not asked for", answer.status)
    return answer


def _in_plain_words(message: str) -> str:
    """Return what h11 says without what the server has sent, and without names of h11's own."""
    if "_SWITCH_" in message:
        return "the server switches to another protocol (101), though that was not asked for"
    if "status_code" in message:
        return "no status from 100 to 999"
    return _QUOTED.sub("", message).replace("request line", "status line")  # it means that, too


def _exchange(connection: socket.socket, host: str, target: str, most: int, *, cut: bool) -> Answer:
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD)
    request = h11.Request(method="GET", target=target, headers=[("Host", host), *_HEADERS])
    connection.sendall((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
    status, headers, body = 0, dict[str, str](), bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            data = receive(connection, _PIECE)
            if not data and not status:
                raise NoPageError("the server closed the connection without an answer")
            http.receive_data(data)
        elif isinstance(event, h11.Response):  # after any number of interim ones: InformationalResponse
            status, headers = event.status_code, _joined(event.headers)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > most:
                if cut:
                    break
                raise NoPageError(f"more than {most} bytes (--max-bytes)", status)
        elif isinstance(event, h11.EndOfMessage):
            break
    return Answer(status, headers, bytes(body))


def _joined(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw, value in fields:
        name = raw.decode("ascii")
        text = value.decode("latin-1")
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    return headers
