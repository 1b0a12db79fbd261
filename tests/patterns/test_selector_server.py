"""selector-server: one process for many clients; nobody waits for another, and no one takes all memory."""

import contextlib
import os
import signal

from clients import Client
from harness import PROCDEMO, Command, run
from processes import kill
from servers import ALL_METHODS, WORKERS, Server, on_ours
from waiting import wait_until

each_method = on_ours(names=("selector-server",), methods=ALL_METHODS)
FORKED = Server("selector-server", "fork")


@each_method
def test_many_clients_share_few_processes_and_none_waits(server):
    with server.start() as running, contextlib.ExitStack() as stack:
        guests = []
        for _ in range(40):
            guests.append(stack.enter_context(running.client()))
            guests[-1].ask()
        for guest in reversed(guests):
            guest.ask()
        shared = {running.server_of(guest) for guest in guests}
        assert shared == set(running.workers()), "who took one goes to the end of the line"
        assert len(shared) == WORKERS


@each_method
def test_a_killed_worker_takes_its_clients_along_and_no_others(server):
    with server.start() as running, running.clients(10) as guests:
        served_by = {guest: running.server_of(guest) for guest in guests}
        pid = served_by[guests[0]]
        kill(pid)
        for guest in guests:
            if served_by[guest] == pid:
                guest.hear_end()
            else:
                guest.ask()
        lost = running.command.wait_event("exited").data
        assert (lost["child_pid"], lost["clients"]) == (pid, list(served_by.values()).count(pid))
        running.command.wait_event("takes over")
        for guest in guests:
            guest.sock.close()
        running.command.signal(signal.SIGTERM)
        summary = running.command.finish(within=3).assert_clean(0).summary
        assert summary["cut_off"] == lost["clients"]
        assert summary["served"] == len(guests) - lost["clients"]


def test_a_low_limit_of_descriptors_is_named_and_lived_with():
    """C7: who finds no room waits in the backlog; nobody spins; the next is served when there is room."""
    program = ["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh", *PROCDEMO]
    args = ("selector-server", "--workers", "1", "--port", "0", "--json", "--grace", "0.2")
    with Command(*args, program=program) as command, contextlib.ExitStack() as stack:
        told = command.wait_event("few descriptors").data
        assert (told["limit"], told["wanted"], told["possible"]) == (64, 10_000, 40)
        port = command.wait_event("listening").data["port"]
        crowd = [stack.enter_context(Client(port)) for _ in range(100)]
        for client in crowd[:40]:
            client.ask(within=5)
        crowd[-1].say(b"room?")
        before = cpu_seconds(command)
        command.pause(1.0)
        assert cpu_seconds(command) - before < 0.2, "C7: it spins"
        assert crowd[-1].hush()
        for client in crowd[:-1]:
            client.sock.close()
        assert crowd[-1].hear(5, within=5) == b"ROOM?"
        command.signal(signal.SIGTERM)
        command.finish(within=3).assert_clean(0)


def cpu_seconds(command):
    """Return the CPU time that the processes of `command` have used."""
    ticks = 0
    for pid in (command.pid, *command.descendants()):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            ticks += sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def test_a_thousand_clients_at_once():
    with FORKED.start() as running, running.clients(1_000, served=False) as guests:
        for guest in guests:
            guest.ask(within=5)
        assert running.everybody() < 8
        for guest in guests:
            guest.sock.close()
        running.command.signal(signal.SIGTERM)
        summary = running.command.finish(within=5).assert_clean(0).summary
        assert summary["served"] == 1_000


def test_verbose_shows_what_clients_say():
    result = run("selector-server", "--port", "0", "--clients", "1", "--stay", "0", "-v", within=20)
    result.assert_clean(status=0)
    assert "says hello" in result.stdout.replace("connects and says hello", "")


@each_method
def test_a_scripted_lesson_ends_by_itself(server):
    args = ("--workers", "2", "--clients", "5", "--port", "0", "--stay", "0.2", "--json")
    result = run("selector-server", *args, start_method=server.start_method, within=20)
    result.assert_clean(status=0)
    assert result.summary["served"] == 5
    assert {event.data["text"] for event in result.named("answered")} == {"HELLO"}


def test_a_draining_worker_leaves_when_its_last_client_has_left():
    with FORKED.start(grace=20) as running, running.clients(3) as guests:
        pids = running.workers()
        running.command.signal(signal.SIGTERM)
        running.command.wait_event("draining")
        for guest in guests:
            guest.ask()
        guests.pop().sock.close()
        for guest in guests:
            guest.sock.close()
        running.command.finish(within=3).assert_clean(0)
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
