"""One origin (scheme, host and port) as a worker knows it: its checked addresses, and its robots.txt.

A name is resolved once, all its addresses are checked, and each connection goes to a checked
address, never to a name.
"""

import socket
import ssl
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from protego import Protego

from procdemo.crawler.exchange import AGENT, BUSY, Answer, NoPageError, ask

_Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]
_NAT64 = IPv6Network("64:ff9b::/96")  # an IPv4 address in disguise (RFC 6052)


class Origin:
    """A web server that pages can be got from."""

    def __init__(self, name: str, *, private_too: bool, loopback_too: bool, patience: float) -> None:
        """Resolve the host of `name`, e.g. ``https://example.org``, and check its addresses.

        Args:
            name: scheme, host and port, in normal form.
            private_too: whether its addresses need not be public.
            loopback_too: whether they may be this host's own.
            patience: seconds of silence on a socket.

        Raises:
            NoPageError: there is no such host, or an address is not allowed.
        """
        self.name = name
        self.rules: Protego | None = None
        """What its robots.txt says; None if that has not been fetched yet."""
        self.busy = False
        """Whether it has ever said that it is busy."""
        parts = urlsplit(name)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._netloc = parts.netloc
        self._patience = patience
        self._addresses = _addresses(
            self._host, self._port, private_too=private_too, loopback_too=loopback_too
        )
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None

    @property
    def crawl_delay(self) -> float:
        """Seconds between two pages that its robots.txt asks for; -1 if that is not known."""
        if self.rules is None:
            return -1.0
        delay = self.rules.crawl_delay(AGENT)
        return delay if delay and delay > 0 else 0.0

    def get(self, url: str, most: int, *, cut: bool = False) -> Answer:
        """Make one request, over a connection of its own.

        Args:
            url: a page of this origin.
            most: bytes that the body may have.
            cut: whether to leave out the rest of a longer body.

        Raises:
            NoPageError: there is no valid answer, or the body is longer and not to be cut.
        """
        with self._connect() as connection:
            answer = ask(connection, self._netloc, url[len(self.name) :], most, cut=cut)
        self.busy |= answer.status in BUSY
        return answer

    def _connect(self) -> socket.socket:
        while True:
            family, address = self._addresses[0]
            connection = socket.socket(family)
            connection.settimeout(self._patience)
            try:
                connection.connect(address)
                break
            except OSError as error:
                connection.close()
                if len(self._addresses) == 1:
                    raise NoPageError(f"cannot connect: {error.strerror or error}") from None
                del self._addresses[0]  # the name has another address
        if self._tls is None:
            return connection
        try:
            return self._tls.wrap_socket(connection, server_hostname=self._host.removesuffix("."))
        except (OSError, ValueError) as error:
            connection.close()
            raise NoPageError(f"cannot connect: {error}") from None


def _addresses(host: str, port: int, *, private_too: bool, loopback_too: bool) -> list[_Address]:
    """Return the addresses of `host`; refuse it if one is not allowed."""
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoPageError(f"no such host: {host} ({error})") from None
    addresses: list[_Address] = [(entry[0], entry[4]) for entry in entries]
    if not private_too:
        refuse_private(host, [str(address[0]) for _, address in addresses], loopback_too=loopback_too)
    return addresses


def refuse_private(host: str, addresses: list[str], *, loopback_too: bool = False) -> None:
    """Check the `addresses` of `host`.

    Raises:
        NoPageError: one of them is not public, nor at loopback if `loopback_too`.
    """
    for address in addresses:
        if not (is_public(address) or (loopback_too and is_loopback(address))):
            raise NoPageError(f"{host} is at {address}, which is not public (--allow-private)")


def is_public(address: str) -> bool:
    """Return whether `address` belongs to the public internet, not to this host or its network."""
    ip = _plain(address)
    return bool(ip and ip.is_global and not ip.is_multicast)


def is_loopback(address: str) -> bool:
    """Return whether `address` is this host itself: 127.0.0.0/8 or ::1."""
    ip = _plain(address)
    return bool(ip and ip.is_loopback)


def _plain(address: str) -> IPv4Address | IPv6Address | None:
    ip = ip_address(address)
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:
            return IPv4Address(int(ip) & 0xFFFFFFFF)
        return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
    return ip


def is_named_loopback(url: str) -> bool:
    """Return whether `url`, in normal form, says by itself that it leads to this host.

    So does an address at loopback, and ``localhost`` (RFC 6761, 6.3). Other names do not: what they
    mean can change while a crawl runs.
    """
    host = urlsplit(url).hostname or ""
    try:
        return is_loopback(host)
    except ValueError:
        return f".{host.removesuffix('.')}".endswith(".localhost")
