"""Get one page of the web, within limits: a worker's side of a crawler.

Redirects are followed by hand and each hop is checked; a name is resolved once, all its
addresses are checked, and the connection goes to a checked address, never to a name; a body is
read piece by piece up to a cap. What no limit in here can stop (a header that arrives byte by
byte, a name server that does not answer) ends when the parent kills the worker.
"""

import codecs
import http.client
import os
import re
import socket
import time
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

import urllib3
from protego import Protego

from procdemo.crawler.frontier import origin, resolve
from procdemo.crawler.parse_guard import TooCostlyError, check_parse_cost
from procdemo.demo.events import Emitter

AGENT = "procdemo"
"""The name that robots.txt may speak to."""

_HEADERS = {"User-Agent": AGENT, "Accept": "text/html, */*;q=0.1", "Accept-Encoding": "identity"}
_PIECE = 1 << 16  # bytes asked of one read
_ROBOTS_BYTES = 500 << 10  # "at least 500 kibibytes" (RFC 9309, 2.5)
_REDIRECTS = {301, 302, 303, 307, 308}
_HTML = ("text/html", "application/xhtml+xml")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_META_BYTES = 1024  # where <meta charset> must be (HTML Standard, 4.2.5.4)
_NO_CHARSETS = {"utf-7", "unicode-escape", "raw-unicode-escape", "idna", "punycode", "undefined"}
_BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_NAT64 = IPv6Network("64:ff9b::/96")  # an IPv4 address in disguise (RFC 6052)
_FAULTS = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)


class Bounds(NamedTuple):
    """How far a crawler may go."""

    origins: frozenset[str]
    """Where it may go at all."""
    private: frozenset[str]
    """Which of them may be at an address that is not public."""
    trusted: frozenset[str]
    """Which of them mean no harm, so that their pages need not be proved harmless."""
    max_bytes: int
    max_redirects: int
    patience: float
    """Seconds of silence on a socket; the parent's deadline should come first."""


class Page(NamedTuple):
    """What a worker brings home; built-in types only, so that it can always be unpickled."""

    url: str
    """As asked for."""
    final: str = ""
    """Where it was found, after redirects."""
    status: int = 0
    """HTTP's; 0 without an answer."""
    size: int = 0
    """Bytes of the body."""
    html: bytes = b""
    """The body as UTF-8, if it is HTML."""
    why: str = ""
    """Why it cannot be had; empty if it can."""
    skip: str = ""
    """``forbidden`` or ``outside`` if it was not tried (any more) and nothing is wrong."""
    pid: int = 0
    ms: float = 0.0


class _NotHadError(Exception):
    """A page cannot be had; the message says why."""

    def __init__(self, why: str, status: int = 0, skip: str = "") -> None:
        super().__init__(why)
        self.status = status
        self.skip = skip


class _Answer(NamedTuple):
    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes


def fetch(url: str, bounds: Bounds, emit: Emitter) -> Page:
    """Get the page `url`; whatever goes wrong is in the answer, not an exception."""
    emit.begin("fetch", url=url[:300])
    before = time.monotonic()
    try:
        final, answer = _follow(url, bounds)
        kind = answer.headers.get("Content-Type", _HTML[0])
        html = _as_utf8(answer.body, kind) if kind.lower().startswith(_HTML) else b""
        if origin(final) not in bounds.trusted:
            check_parse_cost(html)
        page = Page(url, final, answer.status, len(answer.body), html)
    except _NotHadError as error:
        page = Page(url, status=error.status, why=str(error)[:300], skip=error.skip)
    except TooCostlyError as error:
        page = Page(url, final, answer.status, len(answer.body), why=str(error))
    except Exception as error:  # noqa: BLE001 - one page's trouble
        page = Page(url, why=_in_words(error))
    ms = (time.monotonic() - before) * 1e3
    emit.end("fetch", status=page.status, bytes=page.size, ms=ms)
    return page._replace(pid=os.getpid(), ms=ms)


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _follow(url: str, bounds: Bounds, *, robots: bool = True) -> tuple[str, _Answer]:
    """Get `url` or what it redirects to; return where that was, and the answer."""
    status = 0
    for _ in range(bounds.max_redirects + 1):
        if origin(url) not in bounds.origins:
            raise _NotHadError(f"leads to {url}, outside of what was named", status, "outside")
        place = _place(origin(url), bounds)
        if robots:
            place.ask_robots(url, bounds)
        answer = place.get(url, bounds.max_bytes if robots else _ROBOTS_BYTES, cut=not robots)
        status, location = answer.status, answer.headers.get("Location")
        if status not in _REDIRECTS or location is None:
            return url, answer
        location = location.encode("latin-1", "replace").decode("utf-8", "replace")
        target = resolve(location, url)
        if target is None:
            raise _NotHadError(f"leads to {location}, which is no page of the web", status, "outside")
        url = target
    raise _NotHadError(f"more than {bounds.max_redirects} redirects (--max-redirects)", status)


_places: dict[str, "_Place"] = {}


def _place(name: str, bounds: Bounds) -> "_Place":
    if name not in _places:
        _places[name] = _Place(name, bounds)
    return _places[name]


class _Place:
    """An origin as this process knows it: checked addresses, an open connection, its robots.txt."""

    def __init__(self, name: str, bounds: Bounds) -> None:
        self._name = name
        parts = urllib3.util.parse_url(name)
        host = (parts.host or "").strip("[]")
        self._host_header = {"Host": parts.netloc or ""}
        self._rules: Protego | None = None
        self._kept = False  # whether a connection may be open
        timeout = urllib3.Timeout(connect=bounds.patience, read=bounds.patience)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._pools: list[urllib3.HTTPConnectionPool] = []
        for address in _addresses(host, port, private_too=name in bounds.private):
            if parts.scheme == "https":
                pool: urllib3.HTTPConnectionPool = urllib3.HTTPSConnectionPool(
                    address, port, timeout, server_hostname=host, assert_hostname=host
                )
            else:
                pool = urllib3.HTTPConnectionPool(address, port, timeout)
            self._pools.append(pool)

    def get(self, url: str, most: int, *, cut: bool = False) -> _Answer:
        """Make one request; over an open connection if there is one.

        A server may close a connection just when we use it again: that is no answer, and asked
        once more (RFC 9110, 9.2.2).
        """
        kept, self._kept = self._kept, False
        while True:
            try:
                answer = self._ask(self._pools[0], url[len(self._name) :], most, cut=cut)
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
                if len(self._pools) == 1:
                    raise _NotHadError(f"cannot connect: {error}") from None
                del self._pools[0]  # the name has another address
            except _FAULTS as error:
                if not kept or not isinstance(error, urllib3.exceptions.ProtocolError):
                    raise _NotHadError(_in_words(error)) from None
                kept = False
            else:
                self._kept = True
                return answer

    def _ask(self, pool: urllib3.HTTPConnectionPool, target: str, most: int, *, cut: bool) -> _Answer:
        response = pool.urlopen(
            "GET",
            target,
            headers=_HEADERS | self._host_header,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        body = bytearray()
        try:
            # read1() stays within the piece whatever the server claims the length to be; read() of a
            # chunk that is "-1" bytes long would read until the end (http.client, urllib3).
            while piece := response.read1(_PIECE, decode_content=False):
                body += piece
                if len(body) > most:
                    if cut:
                        break
                    raise _NotHadError(f"more than {most} bytes (--max-bytes)", response.status)
            else:
                response.release_conn()
        finally:
            if len(body) > most:
                response.close()
        if response.headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}:
            raise _NotHadError("compressed, though that was not asked for", response.status)
        return _Answer(response.status, response.headers, bytes(body))

    def ask_robots(self, url: str, bounds: Bounds) -> None:
        """Raise if robots.txt forbids `url`; it is fetched once in each process.

        No robots.txt (4xx) allows all; one that cannot be had forbids all (RFC 9309, 2.3.1).
        """
        if self._rules is None:
            try:
                _, answer = _follow(f"{self._name}/robots.txt", bounds, robots=False)
            except _NotHadError as error:
                raise _NotHadError(f"robots.txt, so nothing may be fetched: {error}") from None
            if 400 <= answer.status < 500:  # noqa: PLR2004 - HTTP's "client error"
                text = ""
            elif answer.status == http.client.OK:
                text = answer.body[:_ROBOTS_BYTES].decode("utf-8", "replace")
            else:
                raise _NotHadError(f"robots.txt has status {answer.status}, so nothing may be fetched")
            self._rules = Protego.parse(text)
        if not self._rules.can_fetch(url, AGENT):
            raise _NotHadError("forbidden by robots.txt", skip="forbidden")


def _addresses(host: str, port: int, *, private_too: bool) -> list[str]:
    """Return the addresses of `host`; refuse it if one is not public and `private_too` is false."""
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _NotHadError(f"no such host: {host} ({error})") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    if not private_too:
        _refuse_private(host, addresses)
    return addresses


def _refuse_private(host: str, addresses: list[str]) -> None:
    for address in addresses:
        if not is_public(address):
            raise _NotHadError(f"{host} is at {address}, which is not public (--allow-private)")


def is_public(address: str) -> bool:
    """Return whether `address` belongs to the public internet, not to this host or its network."""
    ip: IPv4Address | IPv6Address | None = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:
            ip = IPv4Address(int(ip) & 0xFFFFFFFF)
        else:
            ip = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
    return bool(ip and ip.is_global and not ip.is_multicast)


def _as_utf8(body: bytes, content_type: str) -> bytes:
    """Return an HTML body as valid UTF-8; what its encoding does not allow becomes U+FFFD."""
    for mark, encoding in _BOMS.items():
        if body.startswith(mark):
            return _recode(body[len(mark) :], encoding)
    named = _CHARSET.search(content_type) or _CHARSET.search(body[:_META_BYTES].decode("latin-1"))
    return _recode(body, named[1] if named else "utf-8")


def _recode(body: bytes, encoding: str) -> bytes:
    try:
        name = codecs.lookup(encoding).name
        if name not in _NO_CHARSETS | {"utf-8"}:
            return body.decode(name, "replace").encode("utf-8", "replace")
    except (LookupError, ValueError):  # not known, or no encoding of text ("hex", "zlib")
        pass
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace").encode("utf-8")
    return body
