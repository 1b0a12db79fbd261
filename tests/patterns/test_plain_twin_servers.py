"""The plain twins of the servers: the same lesson as their demos, seen from outside, and a clean end."""

import contextlib
import os
import signal

import pytest
from processes import holds
from servers import ONE_PROCESS, POOLS, WORKERS
from twins import on_both, on_twins
from waiting import wait_until

WAITING = (*POOLS, "prefork-server")
"""Servers whose workers serve a client each, until it leaves."""
AT_ONCE = ("echo-server", *ONE_PROCESS, "selector-server")
"""Servers of which no client waits for another."""


@on_both(("echo-server",))
def test_each_client_has_a_pid_of_its_own(server):
    with server.start() as running, running.clients(3) as clients:
        pids = {running.server_of(client) for client in clients}
        assert len(pids) == 3
        assert running.main not in pids
        for client in clients:
            running.wait_until_let_go(running.main, client.name)


@on_both(ONE_PROCESS)
def test_one_pid_serves_all_clients_at_once(server):
    with server.start() as running, running.clients(3) as clients:
        assert {running.server_of(client) for client in clients} == {running.main}


@on_both(("selector-server",))
def test_an_event_loop_serves_many_clients_at_once(server):
    with server.start() as running, running.clients(6) as clients:
        assert len({running.server_of(client) for client in clients}) < 6


@on_both(WAITING)
def test_client_three_waits_and_is_served_by_the_pid_that_becomes_free(server):
    with server.start() as running, running.clients(WORKERS) as clients, running.client() as third:
        assert len({running.server_of(client) for client in clients}) == WORKERS
        third.send(b"now?")
        if server.name in POOLS:
            wait_until(lambda: holds(running.main, third.name), what="main has accepted client 3")
        for client in clients:
            client.ask()
        assert third.is_silent()
        holders = [pid for pid in (running.main, *running.workers()) if holds(pid, third.name)]
        assert holders == ([running.main] if server.name in POOLS else []), "main's list, or the backlog"
        free = running.server_of(clients[1])
        clients[1].sock.close()
        assert third.receive(4) == b"NOW?"
        assert running.server_of(third) == free


@on_both()
def test_a_stream_comes_back_whole_and_ends(server):
    """A message is no recv(), and the client sees the end: no process has a copy open."""
    data = b"abc" * 100_000
    with server.start() as running, running.client() as client:
        assert client.exchange(data, within=5) == data.upper()


@on_twins()
def test_a_client_that_is_killed_does_no_harm(server):
    with server.start() as running:
        for _ in range(WORKERS + 1):
            with running.client() as client:
                client.ask(within=5)
                client.send(b"and")
                client.reset()
        with running.clients(WORKERS):
            running.check_output()


@on_twins(AT_ONCE)
def test_a_client_that_reads_nothing_stops_no_other(server):
    with server.start() as running, running.client() as greedy:
        greedy.flood()
        running.echo(within=5)
        greedy.flood()
        running.echo()


@on_twins(("echo-server",))
def test_zombies_do_not_pile_up(server):
    with server.start() as running:

        def all_but_the_last_are_reaped():
            running.echo()
            zombies = [each for each in running.command.descendants().values() if not each.alive]
            return len(zombies) <= 1

        for _ in range(5):
            running.echo(within=5)
        wait_until(all_but_the_last_are_reaped, what="the next client, whose start reaps the others")


@on_twins(("echo-server", *WAITING))
def test_ctrl_c_is_for_main(server):
    """A terminal sends it to all: a worker that did not ignore it would print a traceback."""
    with server.start() as running, running.clients(WORKERS) as clients:
        for client in clients:
            os.kill(running.server_of(client), signal.SIGINT)
        for client in clients:
            client.ask()


@on_twins(("echo-server",))
def test_a_child_that_is_terminated_ends_alone(server):
    with server.start() as running, running.client() as client:
        client.ask(within=5)
        os.kill(running.server_of(client), signal.SIGTERM)
        assert client.receive_end() == b""
        running.echo(within=5)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
@on_twins()
def test_it_ends_with_clients_that_are_served_and_one_that_waits(server, stop):
    with contextlib.ExitStack() as stay, server.start(stop=stop) as running:
        stay.enter_context(running.clients(WORKERS))
        stay.enter_context(running.client()).send(b"now?")


@on_twins()
def test_it_ends_while_clients_come_and_leave(server):
    with server.start() as running, running.clients(WORKERS), running.client() as third:
        third.send(b"now?")


@on_twins()
def test_it_ends_when_no_client_has_come(server):
    with server.start(stop=signal.SIGINT):
        pass
