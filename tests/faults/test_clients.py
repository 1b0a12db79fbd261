"""C: clients that are silent, slow, rude or too busy, and honest ones beside them.

Not shown to fail on every variant of the tutorial: a process for each connection is not starved by
silent clients (C1-C3 bite on `pool` and `prefork`), and only dies alone of a reset (C4 bites as a
traceback there). C10 has no counterpart: the tutorial has no limit of bytes to hold. C12: it has
no usage errors; its port 70000 is a traceback, as any mistake.
"""

import socket
import threading

import pytest
from clients import Client
from harness import run
from in_process import both_ways
from servers import (
    MARGIN_S,
    OURS,
    POOLS,
    PREFORKED,
    WORKERS,
    Running,
    Server,
    everywhere,
    must_fail,
    on_ours,
    some_of_ours,
)

IDLE_S, TOTAL_S = 0.4, 0.8
LIMITS = {"idle_timeout": IDLE_S, "total_timeout": TOTAL_S}


def honest_within(running: Running, seconds: float) -> None:
    """An honest client that comes last is answered within `seconds`."""
    running.echo(within=seconds + MARGIN_S)


def c1_silent_clients(server: Server) -> None:
    """Only the limit of silence ends them: the total limit is far away."""
    with server.start(idle_timeout=IDLE_S) as running, running.clients(WORKERS, served=False):
        honest_within(running, IDLE_S)


def c2_dripping_clients(server: Server) -> None:
    """A byte every 100 ms is never silence; only the total limit ends it."""
    with server.start(**LIMITS) as running, running.clients(WORKERS, served=False) as drippers:
        done = threading.Event()

        def drip() -> None:
            while not done.wait(0.1):
                for dripper in drippers:
                    try:
                        dripper.sock.send(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            honest_within(running, TOTAL_S)
        finally:
            done.set()
            thread.join()


def c3_clients_that_never_read(server: Server) -> None:
    with server.start(**LIMITS) as running, running.clients(WORKERS, served=False) as deaf:
        for client in deaf:
            client.sock.setblocking(False)
            try:
                while True:  # until the server, whose answers are not read, has stopped taking more
                    client.sock.send(b"x" * 65536)
            except BlockingIOError:
                pass
        honest_within(running, TOTAL_S)


def c4_resets(server: Server) -> None:
    with server.start() as running:
        before = running.workers()
        for _ in range(20):
            with running.client() as client:
                client.send(b"x" * 5000)
                client.reset()
        running.check()
        if server.worker_count:
            assert running.workers() == before, "C4: a worker has died of a reset"


def c5_everything_then_the_end(server: Server) -> None:
    with server.start() as running, running.client() as client:
        data = bytes(range(256)) * 800
        sender = threading.Thread(target=lambda: (client.sock.sendall(data), client.finish()))
        client.sock.settimeout(10)
        sender.start()
        try:
            answer = client.receive_end(within=5)
        finally:
            client.sock.close() if sender.is_alive() else None
            sender.join()
        assert answer == data.upper(), f"C5: {len(answer)} of {len(data)} bytes"


def c9_messages_in_any_shape(server: Server) -> None:
    """Three in one segment; one a byte at a time; a character in two pieces."""
    with server.start() as running:
        with running.client() as client:
            client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.ask(b"one\ntwo\nthree\n")
            for byte in b"letter by letter":
                client.ask(bytes([byte]))
            first, second = "ä".encode()[:1], "ä".encode()[1:]
            client.ask(first)
            client.ask(second)
        running.check()


@on_ours(
    c1_silent_clients,
    c2_dripping_clients,
    c3_clients_that_never_read,
    c4_resets,
    c5_everything_then_the_end,
    c9_messages_in_any_shape,
)
def test_ours_serves_the_honest(case, server):
    case(server)


STARVED = {"pool": "O9", "prefork": "O9"}


@must_fail(
    (c1_silent_clients, STARVED),
    (c2_dripping_clients, STARVED),
    (c3_clients_that_never_read, STARVED),
    (c4_resets, everywhere("O4|O5|O9|C4")),
    (c5_everything_then_the_end, everywhere("C5|EOF|O9")),
    (c9_messages_in_any_shape, everywhere("O9|O5")),
)
@pytest.mark.thorough
def test_the_tutorial_does_not(case, server, reason):
    with pytest.raises(AssertionError, match=f"(?s){reason}"):
        case(server)


# --- limits


@on_ours()
def test_c10_too_many_bytes_are_refused_with_a_reason(server):
    with server.start("--max-bytes", "10000") as running:
        with running.client() as client:
            client.ask(b"x" * 9000)
            client.send(b"y" * 9000)
            assert client.receive_end() == b"procdemo: more than 10000 bytes (--max-bytes)\n"
        running.check()
        running.command.wait_event(
            lambda event: event.name == "served" and event.data["reason"] == "more than --max-bytes"
        )


@on_ours(names=tuple(name for name in OURS if name != "prefork-server"))  # there it waits: no worker is idle
def test_one_client_too_many_is_refused_politely(server):
    with server.start("--max-connections", "2") as running, running.clients(2) as clients:
        with running.client() as third:
            assert b"procdemo: 2 clients are connected already" in third.receive_end()
        refused = running.command.wait_event("refused")
        assert refused.data["limit"] == 2
        for client in clients:
            client.ask()
        clients[0].sock.close()
        running.command.wait_event("served")
        running.command.wait_for(running.has_room, what="a place is free again")


# --- usage


@on_ours()
def test_c11_a_port_that_is_taken(server):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run(server.name, "--port", str(port), within=5)
    result.assert_clean(status=1)
    assert f"port {port}" in result.stderr
    assert "try: --port 0" in result.stderr


def c11_on_the_tutorial(server: Server) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        server.command("--port", str(other.getsockname()[1])) as command,
    ):
        command.finish(within=5).assert_clean(status=1)


@must_fail((c11_on_the_tutorial, everywhere("O5|O2")))
@pytest.mark.thorough
def test_c11_the_tutorial_has_a_traceback(case, server, reason):
    with pytest.raises(AssertionError, match=f"(?s){reason}"):
        case(server)


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize(
    ("option", "value"),
    [("--port", "70000"), ("--port", "-1"), ("--port", "x"), ("--max-bytes", "0"), ("--idle-timeout", "nan")],
)
@both_ways
def test_c12_wrong_usage_is_named(run, name, option, value):
    result = run(name, option, value, within=15).assert_clean(status=2, stderr_lines=4)
    assert value.lstrip("-") in result.stderr


@some_of_ours
@pytest.mark.parametrize("host", [pytest.param("nonsense.invalid", marks=pytest.mark.thorough), "192.0.2.1"])
def test_c12_an_address_that_cannot_be_had_is_named(name, host):
    result = run(name, "--port", "0", "--host", host, within=15).assert_clean(status=1, stderr_lines=4)
    assert host in result.stderr


@pytest.mark.parametrize("name", POOLS + PREFORKED)
@pytest.mark.parametrize("workers", ["0", "-1", "100000", "x"])
@both_ways
def test_c12_a_wrong_number_of_workers(run, name, workers):
    result = run(name, "--port", "0", "--workers", workers, within=5)
    result.assert_clean(status=2, stderr_lines=4)
    assert "--workers" in result.stderr


def test_the_client_of_these_tests_can_tell_right_from_wrong():
    with socket.create_server(("127.0.0.1", 0)) as listener, Client(listener.getsockname()[1]) as client:
        conn, _ = listener.accept()
        with conn:
            conn.sendall(b"HELLo")
            with pytest.raises(AssertionError, match="O9"):
                client.ask(b"hello")
            with pytest.raises(AssertionError, match="EOF"):
                client.receive_end(within=0.05)
