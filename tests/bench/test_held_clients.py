"""Clients that stay connected: some are served, others wait; and servers that do not do as they should."""

import contextlib
import os
import signal
import socket
import threading
from multiprocessing import get_context

import pytest

from procdemo.bench.held_clients import HeldClients
from procdemo.bench.load_meter import LoadMeter
from procdemo.bench.server_process import ServerProcess
from procdemo.demo.events import Emitter, Event
from procdemo.demo.settings import CannotRunError, StartMethod
from procdemo.process.usage import process_tree
from procdemo.tcp_client.percentiles import LatencyReservoir


def a_server(name, module, **settings):
    """Make a server whose workers are forked: a fork server of its own would outlive it."""
    return ServerProcess(get_context("fork"), name, module, start_method=StartMethod.FORK, **settings)


@pytest.fixture
def pair():
    """A server that serves two clients at a time."""
    with a_server("two workers", "prefork_server", workers=2) as server:
        yield server


@contextlib.contextmanager
def thread_server(answer):
    """Have a thread answer a client with `answer(data)`, byte by byte, or hang up if that is empty."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            conn, _ = listener.accept()
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with conn, contextlib.suppress(ConnectionError):  # clients leave in the middle of an answer
                while data := conn.recv(100):
                    if not answer(data):
                        return
                    for byte in answer(data):
                        conn.sendall(bytes([byte]))

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_two_are_served_and_the_others_wait(pair):
    with HeldClients(pair.port, 5, timeout=20) as held:
        held.wait_for_answers(2)
        times = LatencyReservoir()
        found = held.generate_load(5, 0.2, times)
        assert found.answered > 20
        assert 0 < found.own.cpu_s <= found.own.busy_s <= 1.05
        assert found.seconds >= 0.2
        assert times.percentile_ms(50) < times.percentile_ms(99) + 1e-9


def test_waiting_clients_are_served_when_the_others_have_left(pair):
    with HeldClients(pair.port, 2, timeout=20) as first, HeldClients(pair.port, 2, timeout=20) as second:
        first.wait_for_answers(2)
        second.generate_load(2, 0.05, LatencyReservoir())
        first.__exit__(None, None, None)
        second.wait_for_answers(2)


@pytest.mark.thorough
def test_more_answers_than_served_clients_are_an_error(pair):
    with HeldClients(pair.port, 3, timeout=2) as held, pytest.raises(CannotRunError, match="2 of 3 clients"):
        held.wait_for_answers(3)


def test_an_answer_in_pieces_is_one_answer():
    with thread_server(lambda data: data.upper()) as port, HeldClients(port, 1, timeout=5) as held:
        held.wait_for_answers(1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [(bytes.lower, "answered 'w"), (lambda _: b"", "a server closed a connection")],
    ids=["wrong", "hangs up"],
)
def test_a_server_that_does_not_do_as_it_should(answer, message):
    with (
        thread_server(answer) as port,
        HeldClients(port, 1, timeout=5) as held,
        pytest.raises(CannotRunError, match=message),
    ):
        held.wait_for_answers(1)


def test_no_server_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(CannotRunError, match=r"client 1: .*refused"), HeldClients(port, 3, timeout=5):
        pass


def test_a_server_that_does_not_start_says_why():
    elsewhere = a_server("elsewhere", "prefork_server", workers=1, host="192.0.2.1")
    with pytest.raises(CannotRunError, match=r"elsewhere did not start: cannot listen on 192\.0\.2\.1"):
        elsewhere.__enter__()


@pytest.mark.parametrize(
    ("limit", "wanted", "held", "why"),
    [(10, 4, 4, "as many as asked for"), (3, 10, 3, "the next one is refused")],
)
def test_how_many_a_server_holds_and_why_no_more(limit, wanted, held, why):
    with a_server("loops", "selector_server", workers=1, max_connections=limit) as server:
        found = server.hold(wanted, 20.0)
        assert (found.clients, found.why) == (held, why)


def test_a_server_that_gets_no_cpu_is_told_from_one_that_lets_clients_wait(pair):
    """As on a busy machine: it is runnable and does not run."""
    with stopped(process_tree(pair.pid)):
        assert pair.hold(1, 1.0)[::2] == (0, "no time is left")
    assert pair.hold(3, 20.0)[::2] == (2, "the next one waits")


@contextlib.contextmanager
def stopped(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_the_meter_counts_the_servers_cpu_time_and_failures(pair):
    meter = LoadMeter(20.0)
    assert meter.connections(pair) > 0
    with HeldClients(pair.port, 8, timeout=20) as held:
        held.wait_for_answers(2)
        assert meter.requests(pair, held, 1) > 0
        assert meter.requests(pair, held, 8) > 0
    events = []
    meter.report(Emitter(lambda record: events.append(Event(*record))))
    rows = {event.name: event.data for event in events}
    assert rows["server's CPU time, us"].keys() == {"design", "connection", "request_1", "request_8"}
    assert rows["round trip, ms"].keys() == {"design", "p50_1", "p99_1", "p50_8", "p99_8"}
    assert meter.failures == 0


def test_clients_that_are_refused_are_failures():
    with a_server("one", "thread_server", max_connections=1) as server:
        meter = LoadMeter(5.0)
        meter.connections(server)
        assert meter.failures > 0
