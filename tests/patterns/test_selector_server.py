"""selector-server: one process for many clients; none waits for another, and none takes all memory."""

import contextlib
import os
import re
import signal

from harness import run
from processes import kill
from servers import ALL_METHODS, WORKERS, Server, on_ours
from waiting import wait_until

each_method = on_ours(names=("selector-server",), methods=ALL_METHODS)
FORKED = Server("selector-server", "fork")


@each_method
def test_many_clients_share_few_processes_and_none_waits(server):
    with server.start() as running, contextlib.ExitStack() as stack:
        clients = []
        for _ in range(40):
            clients.append(stack.enter_context(running.client()))
            clients[-1].ask()
        for client in reversed(clients):
            client.ask()
        shared = {running.server_of(client) for client in clients}
        assert shared == set(running.workers()), "after a client, the other workers are woken first"
        assert len(shared) == WORKERS


@each_method
def test_if_a_worker_is_killed_its_clients_are_cut_off_and_no_others(server):
    with server.start(grace=5) as running, running.clients(10) as clients:
        served_by = {client: running.server_of(client) for client in clients}
        pid = served_by[clients[0]]
        kill(pid)
        for client in clients:
            if served_by[client] == pid:
                client.receive_end()
            else:
                client.ask()
        exited = running.command.wait_event("exited").data
        assert (exited["child_pid"], exited["clients"]) == (pid, list(served_by.values()).count(pid))
        running.command.wait_event("takes over")
        for client in clients:
            client.sock.close()
        running.command.signal(signal.SIGTERM)
        summary = running.command.finish(within=3).assert_clean(0).summary
        assert summary["cut_off"] == exited["clients"]
        assert summary["served"] == len(clients) - exited["clients"]


def test_a_thousand_clients_at_once():
    with FORKED.start(grace=5) as running, running.clients(1_000, served=False) as clients:
        for client in clients:
            client.ask(within=5)
        assert running.process_count() < 8
        for client in clients:
            client.sock.close()
        running.command.signal(signal.SIGTERM)
        summary = running.command.finish(within=5).assert_clean(0).summary
        assert summary["served"] == 1_000


def test_verbose_shows_what_clients_say():
    result = run("selector-server", "--port", "0", "--clients", "1", "--stay", "0", "-v", within=20)
    result.assert_clean(status=0)
    assert "says hello" in re.sub(r"from port \d+ and says hello", "", result.stdout)


@each_method
def test_a_scripted_lesson_ends_by_itself(server):
    args = ("--workers", "2", "--clients", "5", "--port", "0", "--stay", "0.2", "--json")
    result = run("selector-server", *args, start_method=server.start_method, within=20)
    result.assert_clean(status=0)
    assert result.summary["served"] == 5
    assert {event.data["text"] for event in result.named("answered")} == {"HELLO"}


def test_a_draining_worker_leaves_when_its_last_client_has_left():
    with FORKED.start(grace=20) as running, running.clients(3) as clients:
        pids = running.workers()
        running.command.signal(signal.SIGTERM)
        running.command.wait_event("draining")
        for client in clients:
            client.ask()
        clients.pop().sock.close()
        for client in clients:
            client.sock.close()
        running.command.finish(within=3).assert_clean(0)
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
