"""thread-server: one PID for all clients, a thread for each; or a pool of threads, and some wait."""

import os
import re
import resource
import signal
from pathlib import Path

import pytest
from harness import run
from processes import holds
from servers import Server, on_ours
from waiting import wait_until

SERVER = Server("thread-server", "fork")
each_server = on_ours(names=("thread-server", "async-server"), each=True)


def threads(pid):
    return set(map(int, os.listdir(f"/proc/{pid}/task")))


def test_each_client_has_a_thread_of_its_own_in_one_process():
    with SERVER.start() as running:
        before = threads(running.main)
        with running.clients(5) as clients:
            assert len(threads(running.main) - before) == 5
            assert running.workers() == [running.main]
            for client in reversed(clients):
                client.ask()
        wait_until(lambda: threads(running.main) == before, what="the threads have ended")
        running.command.signal(signal.SIGTERM)
        summary = running.command.finish(within=3).assert_clean(0).summary
        assert (summary["served"], summary["most"], summary["pid"]) == (5, 5, running.main)


def test_one_more_than_the_pool_has_threads_waits_and_is_then_served():
    with SERVER.start("--threads", "2") as running, running.clients(2) as clients, running.client() as third:
        third.send(b"when?")
        wait_until(lambda: holds(running.main, third.name), what="main has accepted the third")
        assert third.is_silent()
        clients[0].sock.close()
        assert third.receive(5, within=5) == b"WHEN?"
        running.command.signal(signal.SIGTERM)
        summary = running.command.finish(within=3).assert_clean(0).summary
        assert summary["threads"] == 2, "the pool starts no third thread"
        assert (summary["most"], summary["cut_off"]) == (3, 2)


@pytest.mark.parametrize("threads", [0, 2])
def test_all_clients_are_hung_up_on_when_the_grace_is_over(threads):
    with SERVER.start("--threads", str(threads), grace=0.3) as running, running.clients(2) as clients:
        with running.client() as third:
            wait_until(lambda: holds(running.main, third.name), what="main has accepted the third")
            running.command.signal(signal.SIGTERM)
            draining = running.command.wait_event("draining").data
            assert draining == {"talks": 3, "grace": 0.3}
            for client in (*clients, third):
                client.receive_end(within=3)
        assert running.command.finish(within=3).assert_clean(0).summary["cut_off"] == 3


@each_server
def test_a_client_may_finish_within_the_grace(server):
    with server.start(grace=5) as running, running.clients(1) as (client,):
        running.command.signal(signal.SIGTERM)
        running.command.wait_event("draining")
        client.send(b"last words")
        client.finish()
        assert client.receive_end() == b"LAST WORDS"
        summary = running.command.finish(within=3).assert_clean(0).summary
        assert (summary["served"], summary["cut_off"]) == (1, 0)


@each_server
def test_one_client_too_many_is_told_so(server):
    with server.start("--max-connections", "2") as running, running.clients(2), running.client() as third:
        assert b"2 clients are connected already" in third.receive_end()
        assert running.command.wait_event("refused").data["limit"] == 2


@each_server
def test_a_half_closed_client_gets_its_whole_answer_and_the_end(server):
    with server.start() as running, running.client() as client:
        client.send(b"all of it")
        client.finish()
        assert client.receive_end() == b"ALL OF IT"
        served = running.command.wait_event("served").data
        assert (served["bytes"], served["reason"]) == (9, "client left")


@each_server
@pytest.mark.parametrize("args", [[], ["-v"]])
def test_a_scripted_lesson_ends_by_itself(server, args):
    args = ["--port", "0", "--clients", "3", "--stay", "0.1", *args]
    result = run(server.name, *args, within=20).assert_clean(status=0)
    assert "\n3 clients served, " in result.stdout
    assert ("says hello" in re.sub(r"from port \d+ and says hello", "", result.stdout)) == ("-v" in args)


def test_if_a_thread_cannot_be_started_its_client_is_refused_and_no_other():
    """RLIMIT_NPROC does not count for root, so the address space is what runs out: 8 MiB a thread."""
    with SERVER.start() as running, running.clients(2) as clients:
        used = int(Path(f"/proc/{running.main}/statm").read_text("ascii").split()[0])
        limit = used * os.sysconf("SC_PAGE_SIZE") + (4 << 20)
        resource.prlimit(running.main, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        with running.client() as third:
            third.receive_end()
        assert "thread" in running.command.wait_event("no room").data["error"]
        resource.prlimit(running.main, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for client in clients:
            client.ask()
        running.check()
