"""A server's door: who gets in, who is refused, and what a forked child must not keep."""

import os
import signal
import socket

import pytest

from procdemo.demo.events import LISTENING, Emitter
from procdemo.demo.settings import CannotRunError
from procdemo.servers.listener import Listener, is_loopback
from procdemo.servers.settings import ServerSettings


class Events(list):
    """The names of what was reported."""

    def __call__(self, record):
        self.append(record[1])


def knock(door):
    return socket.create_connection((door.host, door.port), 5)


@pytest.fixture
def said():
    return Events()


@pytest.fixture
def door(said):
    with Listener(ServerSettings(port=0, max_connections=2), Emitter(said)) as door:
        yield door


def test_stopping_ends_a_wait_at_once(door):
    os.kill(os.getpid(), signal.SIGTERM)
    assert list(door.arrivals(present=lambda: 0)) == []


def test_each_client_comes_in_by_its_name_until_it_is_stopped(door):
    guests = [knock(door), knock(door)]
    names = []
    for conn, name in door.arrivals(present=lambda: 0):
        names.append(name)
        conn.close()
        if len(names) == 2:
            door.stop()
    assert names == [f"127.0.0.1:{guest.getsockname()[1]}" for guest in guests]
    with pytest.raises(OSError, match=r".*"):
        knock(door)
    for guest in guests:
        guest.close()


def test_whoever_reads_that_it_listens_may_ask_it_to_stop_at_once():
    def stop_when_it_listens(record):
        if record[1] == LISTENING:
            signal.raise_signal(signal.SIGTERM)

    unheard = []
    before = signal.signal(signal.SIGTERM, lambda *_: unheard.append("too early"))
    with Listener(ServerSettings(port=0), Emitter(stop_when_it_listens)) as door:
        assert not unheard
        assert list(door.arrivals(present=lambda: 0)) == []
    signal.signal(signal.SIGTERM, before)


def test_one_more_than_may_be_here_is_refused_with_a_reason(door, said):
    present = 2
    with knock(door) as guest:
        door.loop.add_reader(guest, door.stop)
        assert list(door.arrivals(present=lambda: present)) == []
        assert guest.recv(1000).startswith(b"procdemo: 2 clients are connected already")
        assert guest.recv(1) == b""
    assert door.refused == 1
    assert said.count("refused") == 1


def test_a_port_that_is_taken_is_named(door):
    with pytest.raises(CannotRunError, match=f"port {door.port}"):
        Listener(ServerSettings(port=door.port), Emitter(lambda _record: None))


def test_a_forked_child_keeps_neither_the_port_nor_a_kept_connection(door):
    with knock(door):
        conn, _ = next(door.arrivals(present=lambda: 0))
        door.keep(conn)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            open_ = sum(stands_open(fd) for fd in (conn.fileno(), door._listener.fileno()))
            os.write(write, bytes([open_]))
            os._exit(0)
        os.waitpid(pid, 0)
        assert os.read(read, 1) == b"\0"
        os.close(read)
        os.close(write)
        door.let_go(conn)


def stands_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def test_a_connection_let_go_is_over_for_the_client_though_a_child_has_a_copy(door):
    with knock(door) as guest:
        conn, _ = next(door.arrivals(present=lambda: 0))
        copy = conn.dup()
        door.keep(conn)
        door.let_go(conn)
        guest.settimeout(5)
        assert guest.recv(1) == b""
        copy.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_nobodys_business(address):
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.1", "10.127.0.1", "fe80::1"])
def test_any_other_address_is(address):
    assert not is_loopback(address)
