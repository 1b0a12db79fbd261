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
    MARGIN_S,
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


def who_reads(running: Running) -> int:
    """Return the idle worker that has the lock of the queue of tasks, if such there is."""
    return next((pid for pid in running.workers() if "pipe_read" in waits_in(pid)), running.workers()[0])


def assert_replaced(running: Running, *victims: int, within: float) -> None:
    def replaced() -> bool:
        workers = running.workers()
        return len(workers) == WORKERS and not set(victims) & set(workers)

    wait_until(replaced, within, "REPLACED: as many workers as before")


def b1_an_idle_worker(server: Server) -> None:
    with server.start() as running:
        running.warm_up()
        for _ in range(2):
            victim = who_reads(running)
            kill(victim)
            wait_until(lambda victim=victim: gone(victim))
            assert_replaced(running, victim, within=1 + MARGIN_S)
            for _ in range(20):
                running.echo(within=BOOT_S)
        running.check()


def b2_in_the_middle_of_a_request(server: Server) -> None:
    with server.start() as running:
        with running.clients(1) as (friend,), running.client_apart(running.server_of(friend)) as victim:
            pid = running.server_of(victim)
            victim.say(b"half of wh")
            kill(pid)
            victim.hear_end(within=1)
            friend.ask()
            with running.client() as another:
                friend.ask()
                another.ask(within=BOOT_S)
            friend.ask()
        running.check()


def b3_all_that_are_busy(server: Server) -> None:
    with server.start() as running:
        with running.clients(WORKERS) as guests:
            victims = running.workers()
            assert len(victims) == WORKERS
            kill(*victims)
            for guest in guests:
                guest.hear_end(within=1)
        if running.crew:
            assert_replaced(running, *victims, within=2)
        running.echo(within=BOOT_S)
        running.check()


def b3_all_that_are_idle(server: Server) -> None:
    with server.start() as running:
        running.warm_up()
        victims = running.workers()
        kill(*victims)
        assert_replaced(running, *victims, within=2)
        running.echo(within=BOOT_S)
        running.check()


def b6_sockets_of_siblings(server: Server) -> None:
    with server.start() as running, running.clients(1) as (first,):
        with running.client_apart(running.server_of(first)) as second:
            running.server_of(first)
            kill(running.server_of(second))
            second.hear_end(within=1)
        with running.client() as third:
            third.ask(within=BOOT_S)
            apart = running.server_of(third) != running.server_of(first)
            assert apart or server.many_at_once


@on_ours(names=FORKING, methods=ALL_METHODS)
@pytest.mark.parametrize(
    "case", [b2_in_the_middle_of_a_request, b3_all_that_are_busy, b6_sockets_of_siblings]
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
def test_the_tutorial_does_not(case, server, reason):
    with pytest.raises(AssertionError, match=f"^{reason}"):
        case(server)


# --- what is left of what was killed


@on_ours(names=POOLS, methods=ALL_METHODS)
def test_retired_pools_end_when_their_clients_have_left(server):
    """O8: as many processes and descriptors as before."""
    with server.start() as running:
        running.warm_up()
        before, descriptors = running.everybody(), running.descriptors()
        for _ in range(3):
            with running.clients(WORKERS) as (victim, friend):
                kill(running.server_of(victim))
                victim.hear_end()
                friend.ask()
                assert running.everybody() >= before
            wait_until(lambda: running.everybody() == before, what="the retired Pool has ended")
        running.warm_up()
        wait_until(lambda: running.descriptors() == descriptors, what="its descriptors are closed")
        running.check()


@on_ours(names=("echo-server", *POOLS))
def test_who_was_killed_and_by_what_is_said(server):
    with server.start() as running, running.clients(1) as (guest,):
        pid = running.server_of(guest)
        kill(pid)
        guest.hear_end()
        exited = running.command.wait_event("exited").data
        assert (exited["child_pid"], exited["cause"], exited["by"]) == (pid, "killed by SIGKILL", "")
        if not server.crew:
            assert exited["child"] == "handler-0"
        else:
            assert exited["tasks"] == 1
            cut_off = running.command.wait_event("cut off").data
            assert (cut_off["client"], cut_off["worker_pid"]) == (guest.name, pid)


@on_ours(names=POOLS + PREFORKED, methods=ALL_METHODS)
def test_idle_workers_are_killed_again_and_again(server):
    with server.start() as running:
        running.warm_up()
        for _ in range(6):
            victim = who_reads(running)
            kill(victim)
            wait_until(lambda victim=victim: gone(victim))
            for _ in range(5):
                running.echo(within=BOOT_S)
        assert gone(victim)
        assert_replaced(running, victim, within=2)
        running.check()


@on_ours(names=POOLS)
def test_every_replacement_is_killed_at_once(server):
    """Workers that never live to see a client; once that has an end, the service goes on."""
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
