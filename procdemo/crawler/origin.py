"""One origin (scheme, host and port) as a worker knows it: checked addresses, a connection kept open.

A name is resolved once, all its addresses are checked, and the connection goes to a checked
address, never to a name; a body is read piece by piece up to a limit.
"""

import http.client
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

import urllib3
from protego import Protego

AGENT = "procdemo"
"""The name of this crawler, in its requests and for robots.txt."""

_HEADERS = {"User-Agent": AGENT, "Accept": "text/html, */*;q=0.1", "Accept-Encoding": "identity"}
_PIECE = 1 << 16  # bytes asked of one read
_NAT64 = IPv6Network("64:ff9b::/96")  # an IPv4 address in disguise (RFC 6052)
_FAULTS = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)


class NoPageError(Exception):
    """A page cannot be had; the message says why."""

    def __init__(self, why: str, status: int = 0, skip: str = "") -> None:
        """Say why; HTTP's `status`, if there was an answer; `skip` as in `Page`."""
        super().__init__(why)
        self.status = status
        self.skip = skip


class Answer(NamedTuple):
    """What a server has answered."""

    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes


class Origin:
    """A web server that pages can be got from."""

    def __init__(self, name: str, *, private_too: bool, patience: float) -> None:
        """Resolve the host of `name`, e.g. ``https://example.org``, and check its addresses.

        Args:
            name: scheme, host and port, in normal form.
            private_too: whether its addresses need not be public.
            patience: seconds of silence on a socket.

        Raises:
            NoPageError: there is no such host, or an address is not public.
        """
        self.name = name
        self.rules: Protego | None = None
        """What its robots.txt says; None if that has not been fetched yet."""
        parts = urllib3.util.parse_url(name)
        host = (parts.host or "").strip("[]")
        self._host_header = {"Host": parts.netloc or ""}
        self._kept = False  # whether a connection may be open
        timeout = urllib3.Timeout(connect=patience, read=patience)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self._pools: list[urllib3.HTTPConnectionPool] = []
        for address in _addresses(host, port, private_too=private_too):
            if parts.scheme == "https":
                pool: urllib3.HTTPConnectionPool = urllib3.HTTPSConnectionPool(
                    address, port, timeout, server_hostname=host, assert_hostname=host
                )
            else:
                pool = urllib3.HTTPConnectionPool(address, port, timeout)
            self._pools.append(pool)

    def get(self, url: str, most: int, *, cut: bool = False) -> Answer:
        """Make one request; over an open connection if there is one.

        A server may close a connection just when we use it again: then there was no answer, and we
        ask once more (RFC 9110, 9.2.2).

        Args:
            url: a page of this origin.
            most: bytes that the body may have.
            cut: whether to leave out the rest of a longer body.

        Raises:
            NoPageError: there is no answer, or the body is longer and not to be cut.
        """
        kept, self._kept = self._kept, False
        while True:
            try:
                answer = self._ask(self._pools[0], url[len(self.name) :], most, cut=cut)
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
                if len(self._pools) == 1:
                    raise NoPageError(f"cannot connect: {error}") from None
                del self._pools[0]  # the name has another address
            except _FAULTS as error:
                if not kept or not isinstance(error, urllib3.exceptions.ProtocolError):
                    raise NoPageError(f"{type(error).__name__}: {error}") from None
                kept = False
            else:
                self._kept = True
                return answer

    def _ask(self, pool: urllib3.HTTPConnectionPool, target: str, most: int, *, cut: bool) -> Answer:
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
            # read1() stays within the piece, whatever length the server claims. read() of a chunk
            # that is "-1" bytes long would read until the end (http.client, urllib3).
            while piece := response.read1(_PIECE, decode_content=False):
                body += piece
                if len(body) > most:
                    if cut:
                        break
                    raise NoPageError(f"more than {most} bytes (--max-bytes)", response.status)
            else:
                response.release_conn()
        finally:
            if len(body) > most:
                response.close()
        if response.headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}:
            raise NoPageError("compressed, though that was not asked for", response.status)
        return Answer(response.status, response.headers, bytes(body))

    def close(self) -> None:
        """Close the connections."""
        for pool in self._pools:
            pool.close()


def _addresses(host: str, port: int, *, private_too: bool) -> list[str]:
    """Return the addresses of `host`; refuse it if one is not public and `private_too` is false."""
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoPageError(f"no such host: {host} ({error})") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    if not private_too:
        refuse_private(host, addresses)
    return addresses


def refuse_private(host: str, addresses: list[str]) -> None:
    """Check the `addresses` of `host`.

    Raises:
        NoPageError: one of them is not public.
    """
    for address in addresses:
        if not is_public(address):
            raise NoPageError(f"{host} is at {address}, which is not public (--allow-private)")


def is_public(address: str) -> bool:
    """Return whether `address` belongs to the public internet, not to this host or its network."""
    ip: IPv4Address | IPv6Address | None = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:
            ip = IPv4Address(int(ip) & 0xFFFFFFFF)
        else:
            ip = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
    return bool(ip and ip.is_global and not ip.is_multicast)
