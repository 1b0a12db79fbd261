"""The load generator: all answers right and counted; each failure ends one client only."""

import contextlib
import os
import resource
import socket
import sys
from pathlib import Path

import pytest
from conversations import no_server
from harness import Command

from procdemo.demo.settings import CannotRunError
from procdemo.tcp_client.connect import Address
from procdemo.tcp_client.load_generator import Load, generate_load

FAULTY = [sys.executable, os.path.join(str(Path(__file__).parents[1] / "support"), "faulty_server.py")]


@contextlib.contextmanager
def server(behaviour):
    with Command(behaviour, program=FAULTY) as command:
        port = int(command.wait_line(r"^listening \S+ (\d+)$")[1])
        yield Address(socket.AF_INET, ("127.0.0.1", port))


@pytest.fixture
def dead():
    """Return an address on which no server listens, while it is kept."""
    with no_server() as address:
        yield Address(socket.AF_INET, address)


def put(address, *, clients=2, messages=3, size=10, timeout=20, progress=lambda _: None, others=()):
    return generate_load([*others, address], Load(clients, messages, size, timeout), progress)


def kinds(found):
    return {kind: len(failures) for kind, failures in found.failures.items()}


@pytest.mark.parametrize("behaviour", ["upper", "bytewise"])
@pytest.mark.parametrize(("clients", "messages", "size"), [(1, 1, 1), (7, 20, 100), (300, 2, 3)])
def test_every_answer_is_counted(behaviour, clients, messages, size):
    with server(behaviour) as address:
        found = put(address, clients=clients, messages=messages, size=size, timeout=20)
    assert found.failures == {}
    assert (found.answered, found.connections) == (clients * messages, clients)
    measures = found.measures()
    assert measures["messages_per_s"] == pytest.approx(found.answered / found.seconds, abs=0.1)
    assert measures["connections_per_s"] == pytest.approx(clients / found.seconds, abs=0.1)
    assert 0 < measures["p50_ms"] <= measures["p99_ms"] <= found.seconds * 1e3


def test_messages_larger_than_all_buffers():
    """The server takes more only when its answers are received: a client that first sends all would hang."""
    with server("upper") as address:
        found = put(address, clients=3, messages=2, size=12 << 20, timeout=30)
    assert (found.answered, found.failures) == (6, {})


def test_clients_come_all_at_once():
    """Each is answered before any leaves: the server sees them together."""
    with server("never-close") as address:
        found = put(address, clients=50, messages=1, timeout=1)
    assert (found.answered, kinds(found)) == (50, {"never closed": 50})


def test_progress_is_told_now_and_then_and_at_the_end():
    told = []
    with server("upper") as address:
        found = put(address, clients=4, messages=3000, timeout=20, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 12_000
    assert 1 <= len(told) <= found.seconds * 20 + 1


@pytest.mark.parametrize(
    ("behaviour", "answered", "expected"),
    [
        ("silent", 0, "silent"),
        ("half", 0, "silent"),
        ("reset", 0, "reset"),
        ("close-early", 0, "closed early"),
        ("echo", 0, "wrong bytes"),
        ("stale", 2, "wrong bytes"),
        ("extra", 0, "extra bytes"),
        ("extra-at-the-end", 6, "extra bytes"),
        ("never-close", 6, "never closed"),
        ("refuse-in-pieces", 0, "said no"),
        ("second-silent", 2, "silent"),
        ("second-reset", 2, "reset"),
    ],
)
def test_each_failure_ends_its_client(behaviour, answered, expected):
    must_wait = expected in {"silent", "never closed"}
    with server(behaviour) as address:
        found = put(address, timeout=0.5 if must_wait else 20)
    assert kinds(found) == {expected: 2}
    assert found.answered == answered


def test_one_byte_too_many_is_noticed_though_the_next_message_is_on_its_way():
    with server("extra") as address:
        found = put(address, clients=1, messages=2)
    assert str(found.failures["extra bytes"][0]) == "sent bytes that were not asked for: '!'"


def test_refused(dead):
    found = put(dead)
    assert kinds(found) == {"refused": 2}
    assert found.measures() == {
        "messages_per_s": 0,
        "connections_per_s": 0,
        "p50_ms": None,
        "p99_ms": None,
    }


def test_the_next_address_is_tried(dead):
    with server("upper") as address:
        found = put(address, others=[dead, dead])
    assert (found.answered, found.failures) == (6, {})


def test_more_connections_than_this_process_may_have():
    used, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with server("upper") as address:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 20, most))
        try:
            with pytest.raises(CannotRunError, match="as many as 100 connections") as caught:
                put(address, clients=100)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (used, most))
    assert "ulimit -n 150" in caught.value.hint


@pytest.mark.parametrize("leave", [KeyboardInterrupt, SystemExit])
def test_if_it_is_interrupted_all_connections_are_closed(leave):
    def stop(_):
        raise leave

    before = len(os.listdir("/proc/self/fd"))
    with server("silent") as address:
        inside = len(os.listdir("/proc/self/fd"))
        with pytest.raises(leave):
            put(address, clients=20, progress=stop)
        assert len(os.listdir("/proc/self/fd")) == inside
    assert len(os.listdir("/proc/self/fd")) == before
