"""Finding a server and connecting to it."""

import errno
import socket
import threading

import pytest
from conversations import no_server
from time_limit import TimeLimit

from procdemo.tcp_client.connect import Address, check_connected, connect, not_connected, resolve
from procdemo.tcp_client.exchange import ServerFailedError


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield door


def address(sock):
    return Address(socket.AF_INET, sock.getsockname())


@pytest.fixture
def dead():
    """Return an address on which no server listens, while it is kept."""
    with no_server() as found:
        yield Address(socket.AF_INET, found)


@pytest.fixture
def full():
    """Return an address that takes no more connections, without a word."""
    with socket.socket() as door, socket.socket() as first, socket.socket() as second:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(door.getsockname())
        yield address(door)


def failure(act, *args):
    with pytest.raises(ServerFailedError) as caught:
        act(*args)
    return caught.value.kind, str(caught.value)


def test_an_address_resolves_to_itself():
    assert resolve("127.0.0.1", 8080, 5) == [(socket.AF_INET, ("127.0.0.1", 8080))]


@pytest.mark.parametrize("host", ["a..b", "x\0y", "1.2.3.4.5", "é" * 100, ""])
def test_what_cannot_be_a_host_is_said_to_be_none(host):
    kind, told = failure(resolve, host, 80, 3)
    assert kind == "unknown host"
    assert told.startswith("cannot be reached: no such host (")


def test_a_resolver_that_takes_its_time_is_not_waited_for(monkeypatch):
    """Which no name server of this machine can be made to do: so the system's function is replaced."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait() and [])
    kind, told = failure(resolve, "slow.example", 80, 0.1)
    assert (kind, told) == ("unknown host", "cannot be reached: no such host (no answer within 0.1 s)")
    over.set()


def test_a_connection_does_not_block(listener):
    with connect([address(listener)], 5) as conn:
        assert not conn.getblocking()
        assert conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_next_address_is_tried(listener, dead):
    with connect([dead, address(listener)], 5) as conn:
        assert conn.getpeername() == listener.getsockname()


def test_a_silent_address_leaves_time_for_the_next(listener, full):
    limit = TimeLimit(1.9)
    with connect([full, address(listener)], 2) as conn:
        assert conn.getpeername() == listener.getsockname()
    assert not limit.passed, limit


def test_refused(dead):
    told = "refused the connection: no server listens there"
    assert failure(connect, [dead, dead], 5) == ("refused", told)


def test_silent(full):
    assert failure(connect, [full], 0.2) == ("silent", "was silent: no connection within 0.2 s")


def test_a_socket_connected_to_itself_is_no_server():
    with socket.socket() as lonely:
        lonely.bind(("127.0.0.1", 0))
        lonely.connect(lonely.getsockname())  # it works!
        with pytest.raises(ConnectionRefusedError, match="connected to itself"):
            check_connected(lonely)


def test_a_connection_that_was_not_made(dead):
    with socket.socket() as conn:
        conn.setblocking(False)
        conn.connect_ex(dead.sockaddr)
        with pytest.raises(ConnectionRefusedError):
            check_connected(conn)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.ETIMEDOUT, "silent"),
        (errno.ECONNRESET, "reset"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.EADDRNOTAVAIL, "unreachable"),
    ],
)
def test_why_connecting_failed(number, kind):
    assert not_connected(OSError(number, "it says"), 5).kind == kind
