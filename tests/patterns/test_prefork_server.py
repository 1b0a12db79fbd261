"""prefork-server: main never accepts; client N+1 waits in the kernel; a lost worker is replaced soon."""

import os
import signal
import time

import pytest
from clients import Client
from harness import run
from processes import gone, holds, kill
from servers import ALL_METHODS, WORKERS, Server, must_fail, on_ours
from waiting import wait_until

each_method = on_ours(names=("prefork-server",), methods=ALL_METHODS)
FORKED = Server("prefork-server", "fork")


def wait_mark(running, name, **data):
    """Return the data of the mark `name` that has these, waiting for it."""

    def fits(event):
        return event.name == name and all(event.data.get(key) == value for key, value in data.items())

    return running.command.wait_event(fits).data


@each_method
def test_one_client_too_many_waits_in_the_kernel(server):
    with server.start() as running, running.clients(WORKERS) as clients, running.client() as extra:
        extra.send(b"anybody?")
        told = running.command.wait_event("waits")
        assert (told.kind, told.pid) == ("begin", running.main)
        assert told.data["clients"] == 1
        for pid in (running.main, *running.workers()):
            assert not holds(pid, extra.name), "no process has accepted it"
        for client in clients:
            client.ask()
        assert extra.is_silent()


@each_method
def test_it_is_served_by_the_pid_that_became_free(server):
    with server.start() as running, running.clients(WORKERS) as clients, running.client() as extra:
        extra.send(b"now?")
        running.command.wait_event("waits")
        free = running.server_of(clients[1])
        clients[1].sock.close()
        assert extra.receive(4) == b"NOW?"
        assert running.server_of(extra) == free
        running.command.wait_event(lambda event: (event.kind, event.name) == ("end", "waits"))


def main_never_accepts(server):
    with server.start() as running, running.clients(WORKERS) as clients:
        for client in clients:
            assert not holds(running.main, client.name), "MAIN has it"
        assert len({running.server_of(client) for client in clients}) == WORKERS


@each_method
def test_main_never_accepts(server):
    main_never_accepts(server)


@must_fail((main_never_accepts, {"process": "MAIN", "pool": "MAIN"}))
@pytest.mark.thorough
def test_others_do(case, server, reason):
    with pytest.raises(AssertionError, match=reason):
        case(server)


@each_method
def test_the_workers_are_made_once(server):
    with server.start() as running:
        before = running.workers()
        for _ in range(10):
            running.echo()
        assert running.workers() == before
        begun = running.command.wait_event("serve", nth=10)
        assert begun.pid in before


@each_method
def test_a_killed_worker_its_client_and_its_replacement_are_named(server):
    with server.start(grace=5) as running, running.clients(WORKERS) as (cut_off, other):
        pid = running.server_of(cut_off)
        kill(pid)
        cut_off.receive_end()
        other.ask()
        exited = wait_mark(running, "exited", child_pid=pid)
        assert (exited["cause"], exited["by"], exited["clients"]) == ("killed by SIGKILL", "", 1)
        assert wait_mark(running, "cut off", worker_pid=pid)["client"] == cut_off.label
        replacement = wait_mark(running, "takes over", before=exited["child"])
        assert replacement["worker"] == f"worker-{WORKERS}"
        assert replacement["worker_pid"] in running.workers()
        other.sock.close()
        running.command.signal(signal.SIGTERM)
        summary = running.command.finish(within=3).assert_clean(0).summary
        assert (summary["served"], summary["cut_off"], summary["workers"]) == (1, 1, WORKERS + 1)


@on_ours(names=("prefork-server", "selector-server"), methods=ALL_METHODS)
def test_a_stopped_worker_is_reported_killed_and_replaced(server):
    with server.start("--heartbeat", "2") as running, running.clients(1) as (cut_off,):
        pid = running.server_of(cut_off)
        with running.client_apart(pid) as other:
            busy = running.server_of(other)  # and silent from now on, which is not to be stuck
            os.kill(pid, signal.SIGSTOP)
            assert wait_mark(running, "no pulse", worker_pid=pid)["seconds"] == 2
            assert wait_mark(running, "exited", child_pid=pid)["by"] == "main"
            cut_off.receive_end()
            running.command.wait_event("takes over")
            other.ask()
            assert running.server_of(other) == busy
        running.echo()
        assert len([event for event in running.command.events if event.name == "no pulse"]) == 1


@on_ours(names=("prefork-server", "selector-server"))
def test_a_worker_whose_client_is_never_silent_is_not_missed(server):
    """Neither one that always has something to say, nor one that says a little before each look."""
    with server.start("--heartbeat", "2") as running, running.clients(2) as clients:
        pids = running.workers()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            for client in clients:
                client.ask()
            running.command.pause(0.02)
        assert running.workers() == pids
        assert not [event for event in running.command.events if event.name == "no pulse"]


def test_fewer_connections_than_workers_may_be_asked_for():
    with FORKED.start("--max-connections", "1") as running, running.clients(1) as (client,):
        with running.client() as second:
            assert b"procdemo: 1 clients are connected already" in second.receive_end()
        refused = running.command.wait_event("refused")
        assert refused.pid != running.main
        client.ask()
        running.command.signal(signal.SIGTERM)
        client.sock.close()
        assert running.command.finish(within=3).summary["refused"] == 1


@on_ours(names=("prefork-server", "selector-server"), methods=("fork",))
def test_every_client_of_many_is_reported_by_its_worker(server):
    """More than are reported one by one: each name is reported once, by the process that served it."""
    names = []
    with server.start() as running:
        for _ in range(40):
            crowd = [Client(running.port) for _ in range(10)]
            for client in crowd:
                client.send(b"x")
                client.finish()
            for client in crowd:
                assert client.receive_end(within=5) == b"X"
                names.append(client.label)
                client.sock.close()
        running.command.signal(signal.SIGTERM)
        result = running.command.finish(within=3).assert_clean(0)
    one_by_one = [event.data["client"] for event in result.named("served")]
    batches = [name for event in result.named("served many") for name in event.data["clients"]]
    assert sorted(one_by_one + batches) == sorted(names)
    assert batches, "too many to be reported one by one"
    assert result.summary["served"] == len(names)
    assert sum(event.data["count"] for event in result.named("served many")) == len(batches)


def test_the_screen_says_where_the_third_client_waits():
    args = ("--workers", "2", "--clients", "3", "--port", "0", "--stay", "1.5")
    result = run("prefork-server", *args, within=20).assert_clean(0)
    assert "clients that wait in the kernel's backlog: 1\n" in result.stdout, result.stdout
    assert "3 clients served by 2 workers" in result.stdout


@each_method
def test_a_scripted_lesson_ends_by_itself(server):
    args = ("--workers", "2", "--clients", "3", "--port", "0", "--stay", "0.2", "--json")
    result = run("prefork-server", *args, start_method=server.start_method, within=20)
    result.assert_clean(status=0)
    assert result.summary["served"] == 3
    listening = result.events.index(result.named("listening")[0])
    ready = [result.events.index(event) for event in result.named("ready")]
    assert len(ready) == 2
    assert max(ready) < listening, "clients are started only when the workers accept"


def test_idle_workers_leave_at_once_when_asked_to():
    with FORKED.start(grace=20) as running:
        pids = running.workers()
        running.command.signal(signal.SIGTERM)
        running.command.finish(within=2).assert_clean(0, port=running.port)
        wait_until(lambda: all(gone(pid) for pid in pids))
