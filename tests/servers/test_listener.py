"""The listener: which clients are let in, which are refused, and what a forked child must not keep."""

import os
import signal
import socket

import pytest

from procdemo.demo.events import LISTENING, Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.servers.listener import Listener, is_loopback
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop


class Names(list):
    """The names of the events that were reported."""

    def __call__(self, record):
        self.append(record[1])


def connect(listener):
    return socket.create_connection((listener.host, listener.port), 5)


@pytest.fixture
def reported():
    return Names()


@pytest.fixture
def listener(reported):
    with Listener(ServerSettings(port=0, max_connections=2), Emitter(reported)) as listener:
        yield listener


@pytest.fixture
def loop():
    with StoppableLoop() as loop:
        yield loop


def test_a_signal_ends_a_wait_at_once(listener, loop):
    os.kill(os.getpid(), signal.SIGTERM)
    assert list(listener.arrivals(loop, connected=lambda: 0)) == []


def test_each_client_is_accepted_with_its_name_until_the_loop_is_asked_to_stop(listener, loop):
    clients = [connect(listener), connect(listener)]
    names = []
    for conn, name in listener.arrivals(loop, connected=lambda: 0):
        names.append(name)
        conn.close()
        if len(names) == 2:
            loop.stop()
    assert names == [f"client (port {client.getsockname()[1]})" for client in clients]
    with pytest.raises(OSError, match=r".*"):
        connect(listener)
    for client in clients:
        client.close()


def test_a_process_that_reads_listening_may_ask_to_stop_at_once():
    def stop_when_it_listens(record):
        if record[1] == LISTENING:
            signal.raise_signal(signal.SIGTERM)

    unhandled = []
    before = signal.signal(signal.SIGTERM, lambda *_: unhandled.append("too early"))
    with (
        StoppableLoop() as loop,
        Listener(ServerSettings(port=0), Emitter(stop_when_it_listens)) as listener,
    ):
        listener.announce()
        assert not unhandled
        assert list(listener.arrivals(loop, connected=lambda: 0)) == []
    assert signal.signal(signal.SIGTERM, before) is not before, "the handlers from before are back"


def test_one_client_more_than_allowed_is_refused_with_a_reason(listener, loop, reported):
    with connect(listener) as client:
        loop.add_reader(client, loop.stop)
        assert list(listener.arrivals(loop, connected=lambda: 2)) == []
        assert client.recv(1000).startswith(b"procdemo: 2 clients are connected already")
        assert client.recv(1) == b""
    assert listener.refused == 1
    assert reported == ["refused"]


def test_a_client_without_a_process_is_refused_with_a_reason(listener, loop, reported):
    with connect(listener) as client:
        conn, name = next(listener.arrivals(loop, connected=lambda: 0))
        listener.refuse(conn, name, BlockingIOError(11, "too many processes"))
        assert client.recv(1000) == b"procdemo: no room for one more, try again later\n"
    assert listener.refused == 1
    assert reported == ["no room"]


def test_a_port_that_is_taken_is_named(listener):
    with pytest.raises(CannotRunError, match=f"port {listener.port}"):
        Listener(ServerSettings(port=listener.port), Emitter(lambda _record: None))


def test_a_forked_child_does_not_keep_the_port(listener):
    pid = os.fork()
    if pid == 0:
        try:
            os.fstat(listener.socket.fileno())
        except OSError:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_a_loopback_address_is_known(address):
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.1", "10.127.0.1", "fe80::1"])
def test_any_other_address_is_not_loopback(address):
    assert not is_loopback(address)
