"""A dialogue does what can be done without waiting, keeps little, and knows when it is over."""

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


def begin(conn, wanted=None, told=None, **settings):
    wanted = [] if wanted is None else wanted
    emit = Emitter((lambda _: None) if told is None else told.append)
    settings = ServerSettings(**settings)
    return Connection(conn, "c", 0.0, settings, want=lambda _fd, what: wanted.append(what), emit=emit)


def test_what_has_come_is_answered_and_nothing_is_waited_for(ends):
    client, conn = ends
    dialogue = begin(conn)
    assert dialogue.go_on() == ""
    client.sendall(b"hello")
    assert dialogue.go_on() == ""
    assert client.recv(100) == b"HELLO"
    assert dialogue.received == 5
    client.shutdown(socket.SHUT_WR)
    assert dialogue.go_on() == "client left"


def test_a_client_that_does_not_read_is_not_read_from(ends):
    client, conn = ends
    wanted = []
    dialogue = begin(conn, wanted)
    client.setblocking(False)
    sent = 0
    while not wanted:
        with contextlib.suppress(BlockingIOError):
            sent += client.send(b"x" * 65_536)
        assert dialogue.go_on() == ""
    assert wanted == [OUT]
    taken = dialogue.received
    for _ in range(10):
        dialogue.go_on()
    assert dialogue.received == taken < sent
    heard = 0
    while wanted != [OUT, IN]:
        heard += len(client.recv(65_536))
        assert dialogue.go_on() == ""
    client.setblocking(True)
    client.settimeout(5)
    while heard < taken:
        heard += len(client.recv(65_536))
    assert heard == taken


def test_more_bytes_than_allowed_end_it_with_a_line(ends):
    client, conn = ends
    dialogue = begin(conn, max_bytes=10)
    client.sendall(b"x" * 11)
    assert dialogue.go_on() == "more than --max-bytes"
    assert dialogue.received == 11
    assert client.recv(100) == b"procdemo: more than 10 bytes (--max-bytes)\n"


def test_a_reset_is_the_clients_affair(ends):
    client, conn = ends
    dialogue = begin(conn)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert dialogue.go_on() == "Connection reset by peer"


def test_with_verbose_each_piece_is_reported(ends):
    client, conn = ends
    told = []
    dialogue = begin(conn, told=told, verbose=1)
    client.sendall(b"hello")
    dialogue.go_on()
    client.shutdown(socket.SHUT_WR)
    dialogue.go_on()
    assert [(record[1], record[2]["data"]) for record in told] == [("heard", b"hello")]


def test_silence_and_duration_end_it(ends):
    client, conn = ends
    dialogue = begin(conn)
    assert dialogue.limit_reached(4.0, idle=5.0, total=10.0) == ""
    client.sendall(b"x")
    dialogue.go_on()
    assert dialogue.limit_reached(6.0, idle=5.0, total=10.0) == "", "it has said something"
    assert dialogue.limit_reached(10.0, idle=5.0, total=10.0) == "over --total-timeout"
    assert dialogue.limit_reached(11.0, idle=5.0, total=100.0) == "over --idle-timeout"


def test_rounds_are_made_now_and_then(ends):
    _, conn = ends
    dialogue = begin(conn)
    rounds = TimeoutSweep(ServerSettings(idle_timeout=1.0))
    assert list(rounds.overdue([dialogue], 0.5)) == []
    assert list(rounds.overdue([dialogue], 0.6)) == []
    assert list(rounds.overdue([dialogue], 1.5)) == [(dialogue, "over --idle-timeout")]
