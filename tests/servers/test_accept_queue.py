"""The accept queue: while a process is out of descriptors, its loop does not watch the listening socket."""

import contextlib
import math
import os
import resource
import socket

import pytest
from waiting import wait_until

from procdemo.servers.accept_queue import AcceptQueue


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@contextlib.contextmanager
def out_of_descriptors():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limit[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def test_clients_are_accepted_with_their_names(listener):
    calls = []
    queue = AcceptQueue(listener, lambda: calls.append("watch"), lambda: calls.append("unwatch"))
    assert queue.accept() is None
    with socket.create_connection(listener.getsockname()) as client:
        conn, name = queue.accept()
        assert name == f"client (port {client.getsockname()[1]})"
        conn.close()
    assert queue.resume() == math.inf
    queue.rotate()
    queue.close()
    assert calls == ["watch", "unwatch", "watch", "unwatch"]


def test_out_of_descriptors_it_pauses_and_then_accepts_again(listener):
    calls = []
    queue = AcceptQueue(listener, lambda: calls.append("watch"), lambda: calls.append("unwatch"))
    with socket.create_connection(listener.getsockname()):
        with out_of_descriptors():
            assert queue.accept() is None
            assert queue.accept() is None
            queue.rotate()
        assert calls == ["watch", "unwatch"]
        assert 0 < queue.resume() <= 0.1
        wait_until(lambda: queue.resume() == math.inf)
        assert calls == ["watch", "unwatch", "watch"]
        conn, _ = queue.accept()
        conn.close()
