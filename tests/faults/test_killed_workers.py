"""B: processes of a server are killed, as the kernel does when memory runs out; the service goes on.

Where a case does not bite on a variant of the tutorial server:

=====================  =======  =============================================================
case                   variant  why not
=====================  =======  =============================================================
B1, B3 of idle ones    process  it has no process without a client
B6                     prefork  its main process never has a client's connection to pass on
=====================  =======  =============================================================
"""

import os

import pytest
from processes import gone, kill, waits_in
from servers import (
    ALL_METHODS,
    FORKING,
    POOLS,
    PREFORKED,
    WORKERS,
    Running,
    Server,
    must_fail,
    on_ours,
)
from waiting import wait_until

BOOT_S = 2.0
"""How long a client may wait for a worker that is just being made (B3); B1 has a second for it."""


def idle_worker(running: Running) -> int:
    """Return the worker that has the lock of the queue of tasks if there is one, otherwise any worker."""
    return next((pid for pid in running.workers() if "pipe_read" in waits_in(pid)), running.workers()[0])


def assert_replaced(running: Running, *pids: int, within: float) -> None:
    def replaced() -> bool:
        workers = running.workers()
        return len(workers) == WORKERS and not set(pids) & set(workers)

    wait_until(replaced, within, "REPLACED: as many workers as before")


def b1_an_idle_worker(server: Server) -> None:
    with server.start() as running:
        running.warm_up()
        for _ in range(2):
            pid = idle_worker(running)
            kill(pid)
            wait_until(lambda pid=pid: gone(pid))
            assert_replaced(running, pid, within=1)
            for _ in range(20):
                running.echo(within=BOOT_S)
        running.check()


def b2_in_the_middle_of_a_request(server: Server) -> None:
    with server.start() as running:
        with running.clients(1) as (other,), running.client_apart(running.server_of(other)) as cut_off:
            pid = running.server_of(cut_off)
            cut_off.send(b"half of wh")
            kill(pid)
            cut_off.receive_end(within=1)
            other.ask()
            with running.client() as another:
                other.ask()
                another.ask(within=BOOT_S)
            other.ask()
        running.check()


def b3_all_that_are_busy(server: Server) -> None:
    with server.start() as running:
        with running.clients(WORKERS) as clients:
            pids = running.workers()
            assert len(pids) == WORKERS
            kill(*pids)
            for client in clients:
                client.receive_end(within=1)
        if running.worker_count:
            assert_replaced(running, *pids, within=2)
        running.echo(within=BOOT_S)
        running.check()


def b3_all_that_are_idle(server: Server) -> None:
    with server.start() as running:
        running.warm_up()
        pids = running.workers()
        kill(*pids)
        assert_replaced(running, *pids, within=2)
        running.echo(within=BOOT_S)
        running.check()


def b6_sockets_of_siblings(server: Server) -> None:
    with server.start() as running, running.clients(1) as (first,):
        with running.client_apart(running.server_of(first)) as second:
            running.server_of(first)
            kill(running.server_of(second))
            second.receive_end(within=1)
        with running.client() as third:
            third.ask(within=BOOT_S)
            apart = running.server_of(third) != running.server_of(first)
            assert apart or server.many_at_once


@on_ours(
    b2_in_the_middle_of_a_request,
    b3_all_that_are_busy,
    b6_sockets_of_siblings,
    names=FORKING,
    methods=ALL_METHODS,
)
def test_ours_go_on(case, server):
    case(server)


@on_ours(names=POOLS + PREFORKED, methods=ALL_METHODS)
@pytest.mark.parametrize("case", [b1_an_idle_worker, b3_all_that_are_idle])
def test_our_workers_are_replaced(case, server):
    case(server)


@must_fail(
    (b1_an_idle_worker, {"pool": "O9", "prefork": "REPLACED"}),
    (b2_in_the_middle_of_a_request, {"process": "EOF", "pool": "EOF", "prefork": "O9"}),
    (b3_all_that_are_busy, {"process": "EOF", "pool": "EOF", "prefork": "REPLACED"}),
    (b3_all_that_are_idle, {"pool": "O9", "prefork": "REPLACED"}),
    (b6_sockets_of_siblings, {"process": "B6", "pool": "EOF"}),
)
@pytest.mark.thorough
def test_the_tutorial_does_not(case, server, reason):
    with pytest.raises(AssertionError, match=f"^{reason}"):
        case(server)


# --- what is left of a killed worker


@on_ours(names=POOLS, methods=ALL_METHODS)
def test_retired_pools_end_when_their_clients_have_left(server):
    """O8: as many processes and descriptors as before."""
    with server.start() as running:
        running.warm_up()
        before, descriptors = running.process_count(), running.descriptors()
        for _ in range(3):
            with running.clients(WORKERS) as (cut_off, other):
                kill(running.server_of(cut_off))
                cut_off.receive_end()
                other.ask()
                assert running.process_count() >= before
            wait_until(lambda: running.process_count() == before, what="the retired Pool has ended")
        running.warm_up()
        wait_until(lambda: running.descriptors() == descriptors, what="its descriptors are closed")
        running.check()


@on_ours(names=("echo-server", *POOLS))
def test_the_killed_process_and_the_signal_are_reported(server):
    with server.start() as running, running.clients(1) as (client,):
        pid = running.server_of(client)
        kill(pid)
        client.receive_end()
        exited = running.command.wait_event("exited").data
        assert (exited["child_pid"], exited["cause"], exited["by"]) == (pid, "killed by SIGKILL", "")
        if not server.worker_count:
            assert exited["child"] == "handler-0"
        else:
            assert exited["tasks"] == 1
            reported = running.command.wait_event("cut off").data
            assert (reported["client"], reported["worker_pid"]) == (client.label, pid)


@on_ours(names=POOLS + PREFORKED, methods=ALL_METHODS)
@pytest.mark.thorough
def test_idle_workers_are_killed_again_and_again(server):
    with server.start() as running:
        running.warm_up()
        for _ in range(6):
            pid = idle_worker(running)
            kill(pid)
            wait_until(lambda pid=pid: gone(pid))
            for _ in range(5):
                running.echo(within=BOOT_S)
        assert gone(pid)
        assert_replaced(running, pid, within=2)
        running.check()


@on_ours(names=POOLS)
def test_every_replacement_is_killed_at_once(server):
    """Workers that are killed before they have a client; when that ends, the service goes on."""
    with server.start() as running:
        running.warm_up()
        for _ in range(15):
            wait_until(running.workers)
            for pid in running.workers():
                try:
                    kill(pid)
                except ProcessLookupError:  # its Pool was retired, and it with it
                    assert not os.path.exists(f"/proc/{pid}")
        wait_until(lambda: len(running.workers()) == WORKERS)
        running.echo(within=BOOT_S)
        running.check()
