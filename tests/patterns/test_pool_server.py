"""pool-server: client N+1 is connected and waits, and the PID that becomes free serves it."""

import re
import signal

import pytest
from harness import run
from order import assert_in_order
from servers import ALL_METHODS, POOLS, WORKERS, Server, on_ours
from stages import events_of

from procdemo.demo.settings import StartMethod
from procdemo.patterns import pool_server
from procdemo.patterns.pool_server import Config
from procdemo.servers.crowd_log import CrowdLog

each_method = on_ours(names=POOLS, methods=ALL_METHODS)


def waits(name):
    """Return a condition: the event that the client `name` has to wait."""
    return lambda event: (event.kind, event.name, event.data.get("client")) == ("begin", "waits", name)


@each_method
def test_one_client_too_many_is_connected_but_not_answered(server):
    with server.start() as running, running.clients(WORKERS) as clients, running.client() as extra:
        extra.send(b"anybody?")
        event = running.command.wait_event(waits(extra.label))
        assert event.pid == running.main, "it waits in a list of the main process"
        assert event.data["place"] == 1
        for client in clients:
            client.ask()
        assert extra.is_silent()


@each_method
def test_it_is_served_by_the_pid_that_became_free(server):
    with server.start() as running, running.clients(WORKERS) as clients, running.client() as extra:
        extra.send(b"now?")
        running.command.wait_event(waits(extra.label))
        free = running.server_of(clients[1])
        clients[1].sock.close()
        assert extra.receive(4) == b"NOW?"
        assert running.server_of(extra) == free
        event = running.command.wait_event("free")
        assert event.data["worker_pid"] == free
        at_last = running.command.wait_event("serves at last").data
        assert (at_last["client"], at_last["worker_pid"]) == (extra.label, free)
        assert at_last["worker"] == event.data["worker"]
        assert at_last["same_pid"]
        begun = running.command.wait_event(
            lambda event: (
                (event.kind, event.data.get("client")) == ("begin", extra.label) and event.name == "serve"
            )
        )
        assert begun.pid == free


def leave_without_a_word(client):
    client.sock.close()


def leave_with_a_word(client):
    client.send(b"hello?")
    client.sock.close()


@pytest.mark.parametrize(
    ("name", "leave"),
    [
        ("pool-server", leave_with_a_word),
        ("thread-server", leave_without_a_word),
        pytest.param("pool-server", leave_without_a_word, marks=pytest.mark.thorough),
        pytest.param("thread-server", leave_with_a_word, marks=pytest.mark.thorough),
    ],
)
def test_a_client_that_left_while_it_waited_is_not_served(name, leave):
    options = [] if name == "pool-server" else ["--threads", str(WORKERS)]
    with Server(name, "fork").start(*options) as running, running.clients(WORKERS) as clients:
        with running.client() as extra:
            if name == "pool-server":
                running.command.wait_event(waits(extra.label))
            leave(extra)
        clients[0].sock.close()
        assert running.command.wait_event("gave up").data["client"] == extra.label
        running.command.signal(signal.SIGTERM)
        summary = running.command.finish(within=5).assert_clean(0).summary
    assert (summary["served"], summary["gave_up"]) == (1, 1)


def test_clients_that_wait_are_served_in_their_order():
    server = Server("pool-server", "fork")
    with (
        server.start() as running,
        running.clients(WORKERS) as clients,
        running.clients(2, served=False) as extras,
    ):
        for number, extra in enumerate(extras, start=1):
            extra.send(b"x")
            assert running.command.wait_event(waits(extra.label)).data["place"] == number
        clients[0].sock.close()
        assert extras[0].receive(1) == b"X"
        assert extras[1].is_silent()


@each_method
def test_the_workers_are_made_once(server):
    with server.start() as running:
        before = running.workers()
        for _ in range(10):
            running.echo()
        assert running.workers() == before
        begun = [event for event in running.command.events if event.name == "serve"]
        assert {event.pid for event in begun} <= set(before)


@each_method
def test_a_scripted_lesson_ends_by_itself(server):
    args = ("--workers", "2", "--clients", "3", "--port", "0", "--stay", "0.2", "--json")
    result = run("pool-server", *args, start_method=server.start_method, within=20)
    result.assert_clean(status=0)
    assert result.summary["served"] == 3
    told = [event.data["same_pid"] for event in result.named("serves at last")]
    assert (result.summary["waited"], result.summary["same_pid"]) == (len(told), sum(told))
    assert_in_order(result)
    assert {event.data["text"] for event in result.named("answered")} == {"HELLO"}


def test_the_screen_says_where_the_third_client_waits():
    result = run("pool-server", "--workers", "2", "--clients", "3", "--port", "0", "--stay", "1.5", within=20)
    result.assert_clean(status=0)
    client = r"client-\d \(port \d+\)"
    worker = r"worker-\d \(PID \d+\)"
    for line in (
        rf"{worker} serves {client}$",
        rf"{client} waits: no worker is free$",
        rf"{worker} is free$",
        r"^3 clients served, 1 after waiting; 0 refused, 0 cut off$",
        r"^ok: 1 client waited, and the PID that became free served it.$",
    ):
        assert re.search(line, result.stdout, re.MULTILINE), line


def test_of_a_crowd_each_client_is_named_once_and_by_main(monkeypatch):
    monkeypatch.setattr(CrowdLog, "may_tell", lambda _: False)
    config = Config(start_method=StartMethod.FORK, port=0, workers=2, clients=50, stay=0.0)
    events = events_of(pool_server.run, config)
    told = [event for event in events if event.name in {"served many", "served"}]
    clients = [client for event in told for client in event.data.get("clients", [event.data.get("client")])]
    assert sorted(client.split()[0] for client in clients) == sorted(
        f"client-{number}" for number in range(50)
    )
    assert {event.role for event in told} == {"main"}
    assert not {"waits", "serves", "serves at last", "free", "submit"} & {event.name for event in events}
    assert events[-1].data["served"] == 50
