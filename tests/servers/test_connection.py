"""A connection does what can be done without waiting, keeps little, and knows when it is over."""

import contextlib
import socket
import struct

import pytest

from procdemo.demo.events import Emitter
from procdemo.servers.connection import IN, OUT, Connection, TimeoutSweep
from procdemo.servers.settings import ServerSettings


@pytest.fixture
def ends():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), 5)
        conn, _ = listener.accept()
        with client, conn:
            yield client, conn


def open_connection(conn, wanted=None, events=None, **settings):
    wanted = [] if wanted is None else wanted
    emit = Emitter((lambda _: None) if events is None else events.append)
    settings = ServerSettings(**settings)
    return Connection(conn, "c", 0.0, settings, want=lambda _fd, what: wanted.append(what), emit=emit)


def test_what_has_come_is_answered_and_nothing_is_waited_for(ends):
    client, conn = ends
    connection = open_connection(conn)
    assert connection.on_ready() == ""
    client.sendall(b"hello")
    assert connection.on_ready() == ""
    assert client.recv(100) == b"HELLO"
    assert connection.limits.received == 5
    client.shutdown(socket.SHUT_WR)
    assert connection.on_ready() == "client left"


def test_a_client_that_does_not_read_is_not_read_from(ends):
    client, conn = ends
    wanted = []
    connection = open_connection(conn, wanted)
    client.setblocking(False)
    sent = 0
    while not wanted:
        with contextlib.suppress(BlockingIOError):
            sent += client.send(b"x" * 65_536)
        assert connection.on_ready() == ""
    assert wanted == [OUT]
    for _ in range(10):  # the kernel may find room for more, a moment later
        has_unsent, taken = wanted[-1] == OUT, connection.limits.received
        assert connection.on_ready() == ""
        assert connection.limits.received == taken or not has_unsent
    assert connection.limits.received < sent
    client.settimeout(5)
    heard = 0
    while wanted[-1] != IN:
        heard += len(client.recv(65_536))
        assert connection.on_ready() == ""
    taken = connection.limits.received
    while heard < taken:
        heard += len(client.recv(65_536))
    assert heard == taken


def test_more_bytes_than_allowed_end_it_with_a_line(ends):
    client, conn = ends
    connection = open_connection(conn, max_bytes=10)
    client.sendall(b"x" * 11)
    assert connection.on_ready() == "more than --max-bytes"
    assert connection.limits.received == 11
    assert client.recv(100) == b"procdemo: more than 10 bytes (--max-bytes)\n"


def test_a_reset_is_the_end_and_no_error(ends):
    client, conn = ends
    connection = open_connection(conn)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert connection.on_ready() == "Connection reset by peer"


def test_with_verbose_each_piece_is_reported(ends):
    client, conn = ends
    events = []
    connection = open_connection(conn, events=events, verbose=1)
    client.sendall(b"hello")
    connection.on_ready()
    client.shutdown(socket.SHUT_WR)
    connection.on_ready()
    assert [(record[1], record[2]["data"]) for record in events] == [("heard", b"hello")]


def test_silence_and_duration_end_it(ends):
    client, conn = ends
    connection = open_connection(conn, idle_timeout=5.0, total_timeout=12.0)
    assert connection.check_progress(4.0) == ""
    client.sendall(b"x")
    connection.on_ready()
    assert connection.check_progress(6.0) == "", "it was answered"
    assert connection.check_progress(11.0) == "over --idle-timeout"
    assert connection.check_progress(12.0) == "over --total-timeout"


def test_a_sweep_is_made_now_and_then(ends):
    _, conn = ends
    connection = open_connection(conn, idle_timeout=1.0)
    sweep = TimeoutSweep(ServerSettings(idle_timeout=1.0))
    assert list(sweep.overdue([connection], 0.5)) == []
    assert list(sweep.overdue([connection], 0.6)) == []
    assert list(sweep.overdue([connection], 1.5)) == [(connection, "over --idle-timeout")]
