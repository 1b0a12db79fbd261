"""echo-server: a process for each connection, and what the parent must do for it."""

import os
import re
import signal

from harness import run
from servers import ALL_METHODS, on_ours
from waiting import wait_until

each_method = on_ours(names=("echo-server",), methods=ALL_METHODS)


@each_method
def test_each_client_has_a_process_of_its_own_and_all_are_served_at_once(server):
    with server.start() as running, running.clients(3) as clients:
        pids = {running.server_of(client) for client in clients}
        assert len(pids) == 3
        assert running.main not in pids
        for client in reversed(clients):
            client.ask()


@each_method
def test_the_parent_keeps_no_copy_of_a_connection(server):
    with server.start() as running, running.clients(2) as clients:
        for client in clients:
            running.wait_until_let_go(running.main, client.name)
        os.kill(running.server_of(clients[0]), signal.SIGKILL)
        clients[0].receive_end()
        clients[1].ask()
        event = running.command.wait_event("exited")
        assert event.data["cause"] == "killed by SIGKILL"


@each_method
def test_a_child_is_reaped_when_its_client_leaves_not_at_the_next_connection(server):
    with server.start() as running, running.clients(2) as clients:
        pids = [running.server_of(client) for client in clients]
        for client in clients:
            client.sock.close()
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), limit=3.0)


@each_method
def test_a_half_closed_client_gets_its_whole_answer_and_the_end(server):
    with server.start() as running, running.client() as client:
        client.send(b"all of it")
        client.finish()
        assert client.receive_end() == b"ALL OF IT"
        served = running.command.wait_event("served")
        assert (served.data["bytes"], served.data["reason"]) == (9, "client left")
        assert served.role == "handler-0"


def test_verbose_shows_what_clients_say():
    result = run("echo-server", "--port", "0", "--clients", "1", "--stay", "0", "-v", within=20)
    result.assert_clean(status=0)
    assert "says hello" in re.sub(r"from port \d+ and says hello", "", result.stdout)


def test_a_scripted_lesson_ends_by_itself():
    result = run("echo-server", "--port", "0", "--clients", "4", "--stay", "0.1", "--json", within=20)
    result.assert_clean(status=0)
    assert result.summary["served"] == 4
    assert len({event.pid for event in result.named("served")}) == 4
