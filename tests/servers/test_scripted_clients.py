"""Scripted clients: what each got from the server is known, and a run in which one got nothing has failed."""

import os
import re
import signal
import socket
import struct
import threading
import time
from dataclasses import dataclass
from functools import partial

import pytest
from harness import PROCDEMO, Command, run
from namespaces import NETWORK_OF_ITS_OWN, needs_a_network_of_its_own
from selection import THOROUGH, some
from servers import OURS, on_ours

from procdemo.demo.events import Emitter
from procdemo.demo.settings import StartMethod
from procdemo.process.children import Children
from procdemo.runtime.runner import Runner
from procdemo.servers.client_register import ClientRegister
from procdemo.servers.listener import Listener
from procdemo.servers.refusal import NO_ROOM, send_last_line
from procdemo.servers.scripted_clients import STORY, ScriptedClients, no_wait, run_client
from procdemo.servers.settings import ServerSettings
from procdemo.servers.stoppable_loop import StoppableLoop

SETTINGS = ServerSettings(port=0, stay=0, clients=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(ServerSettings):
    """Settings of `keep`."""

    port: int = 0
    stay: float = 0.0
    clients: int = 2


# --- one client


def refused_by(behave, config=SETTINGS):
    """Have a client ask a server that does `behave(conn)`; return its outcome, and why."""
    notes = []

    def serve(listener):
        conn, _ = listener.accept()
        with conn:
            behave(conn)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        be_client(listener.getsockname()[1], config, notes)
        server.join()
    begun, (pid, port, outcome, why) = notes
    assert begun == (os.getpid(), port, "", "")
    assert pid == os.getpid()
    return outcome, why


def be_client(port, config, notes):
    address, quiet = ("127.0.0.1", port), Emitter(lambda _: None)
    run_client(address, 0, ClientRegister(), config, note=notes.append, emit=quiet)


def answer(*pieces):
    def behave(conn):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conn.recv(100)
        for piece in pieces:
            conn.sendall(piece)

    return behave


def reset(conn):
    conn.recv(1)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


BEHAVIOURS = {
    "whole": (answer(b"HELLO"), "answered", ""),
    "in pieces": (answer(b"HE", b"L", b"LO"), "answered", ""),
    "closed": (answer(), "failed", "closed without an answer"),
    "half": (answer(b"HEL"), "failed", "the answer is 'HEL', not 'HELLO'"),
    "wrong": (answer(b"hello"), "failed", "the answer is 'hello', not 'HELLO'"),
    "too much": (answer(b"HELLO!"), "failed", "the answer is 'HELLO!', not 'HELLO'"),
    "control characters": (answer(b"\x1b[2J!"), "failed", r"the answer is '\x1b[2J!', not 'HELLO'"),
    "reset": (reset, "failed", "Connection reset by peer"),
    "refused": (lambda conn: send_last_line(conn, "3 are here"), "refused", "3 are here"),
    "refused in pieces": (answer(b"proc", b"demo: go", b" away\n"), "refused", "go away"),
    "no room": (lambda conn: send_last_line(conn, NO_ROOM), "no room", NO_ROOM),
}


@pytest.mark.parametrize(("behave", "outcome", "why"), BEHAVIOURS.values(), ids=BEHAVIOURS)
def test_what_a_client_got_is_told(behave, outcome, why):
    assert refused_by(behave) == (outcome, why)


def test_a_client_that_cannot_connect_has_failed():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    notes = []
    be_client(port, SETTINGS, notes)
    assert notes[-1][2:] == ("failed", "could not connect, Connection refused")


def test_silence_is_a_failure():
    config = ServerSettings(total_timeout=0.05)
    assert refused_by(lambda conn: conn.recv(100) and conn.recv(100), config) == (
        "failed",
        "no answer within 0.05 s",
    )


def test_a_limit_of_time_that_the_user_has_set_is_none():
    def late(conn):
        conn.recv(100)
        threading.Event().wait(0.05)

    config = ServerSettings(idle_timeout=0.05, total_timeout=60)
    outcome, why = refused_by(late, config)
    assert outcome == "refused"
    assert why.endswith("a limit of time was reached")


# --- the clients of a server


def keep(behave, config, emit):
    """Be the main process of a server that does `behave(conn, number)` with each client."""
    with StoppableLoop() as loop, Listener(config, emit) as listener:
        clients = ScriptedClients(config, listener, loop, emit)
        for number, (conn, _) in enumerate(listener.arrivals(loop, connected=lambda: 0)):
            with conn:
                behave(conn, number)
        clients.stop(config.grace)
    clients.sum_up(served=0)


def upper(conn, _number=0):
    conn.settimeout(10)
    conn.sendall(conn.recv(100).upper())
    conn.recv(1)


def summary_of(behave, **settings):
    with Runner(partial(keep, behave), Settings(**settings)) as runner:
        events = list(runner)
    ports = {event.role: event.data["port"] for event in events if event.name == "asks"}
    return events[-1].data, ports


def close(conn, _number):
    conn.settimeout(10)
    conn.recv(100)


def test_a_client_without_an_answer_fails_the_run_by_name(start_method):
    summary, ports = summary_of(close, start_method=StartMethod(start_method))
    both = ", ".join(f"client-{number} (port {ports[f'client-{number}']})" for number in range(2))
    reason = f"2 of 2 clients got no answer: {both}: closed without an answer"
    assert summary == {"served": 0, "ok": False, "reason": reason}


def test_one_of_many_is_enough():
    summary, _ = summary_of(lambda conn, number: (close if number == 2 else upper)(conn, number), clients=4)
    assert not summary["ok"]
    assert summary["reason"].startswith("1 of 4 clients got no answer: client-")


def test_of_many_the_first_are_named():
    summary, _ = summary_of(close, clients=8)
    assert re.search(
        r"8 of 8 .*: (client-\d \(port \d+\), ){4}client-\d \(port \d+\) and 3 more", summary["reason"]
    )


def test_all_are_answered():
    assert summary_of(upper)[0] == {"served": 0, "ok": True, "answer": "No client was served."}


def test_a_refusal_is_the_lesson_of_a_limit():
    assert summary_of(lambda conn, _: send_last_line(conn, "1 is here"))[0]["ok"]


@pytest.mark.parametrize("served", [0, 1])
def test_no_room_is_a_failure_if_it_is_so_for_all(served):
    def behave(conn, number):
        upper(conn) if number < served else send_last_line(conn, NO_ROOM)

    summary, _ = summary_of(behave)
    assert summary["ok"] is bool(served)
    assert served or summary["reason"].endswith(f": {NO_ROOM}")


@pytest.mark.parametrize(("after_s", "ok"), [(-1, True), (3600, False)], ids=["before", "later"])
def test_a_fault_that_was_asked_for_excuses_what_comes_after_it(after_s, ok):
    due_ns = time.monotonic_ns() + int(after_s * 1e9)
    assert summary_of(close, faults_from_ns=due_ns)[0]["ok"] is ok


def test_a_server_that_is_asked_to_stop_owes_no_answer():
    def stop(_conn, _number):
        os.kill(os.getpid(), signal.SIGTERM)

    assert summary_of(stop)[0]["ok"]


def test_a_client_that_is_killed_before_its_answer_fails_the_run():
    def kill(conn, _number):
        (client,) = [pid for pid in children() if pid != os.getpid()]
        os.kill(client, signal.SIGKILL)

    summary, ports = summary_of(kill, clients=1, start_method=StartMethod.FORK)
    assert summary["reason"].endswith(f": client-0 (port {ports['client-0']}): killed by SIGKILL")


def children():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return list(map(int, file.read().split()))


def test_a_client_that_cannot_be_started_fails_the_run(monkeypatch):
    refuse(monkeypatch, "client-1")
    summary, _ = summary_of(upper)
    assert summary["reason"].endswith("client-1: cannot be started, Resource temporarily unavailable")


def test_if_not_even_the_first_client_can_be_started_the_demo_cannot_start(monkeypatch):
    refuse(monkeypatch, "client-0")
    summary, _ = summary_of(upper)
    assert not summary["ok"]
    assert summary["reason"].startswith("BlockingIOError: ")


def refuse(monkeypatch, name):
    """Let no process of this name be started."""
    start = Children.start

    def start_or_refuse(self, process):
        if process.name == name:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return start(self, process)

    monkeypatch.setattr("procdemo.servers.scripted_clients.Children.start", start_or_refuse)


# --- the lesson


def test_a_lesson_that_cannot_happen_says_so():
    sentence = STORY["no wait"].format(**no_wait(3, 8, "worker"))
    assert sentence == "3 clients, 8 workers: no client will wait; try --clients 9"
    assert STORY["no wait"].format(**no_wait(1, 1, "thread")).startswith("1 client, 1 thread: ")


# --- the servers


EVERYWHERE = [
    pytest.param(name, method, marks=[] if method == "fork" and place in some(len(OURS)) else THOROUGH)
    for place, name in enumerate(OURS)
    for method in ("fork", "spawn", "forkserver")
]


@needs_a_network_of_its_own
@pytest.mark.parametrize(("name", "method"), EVERYWHERE)
def test_no_client_gets_through(name, method):
    """The loopback is down, as in some sandboxes."""
    args = (name, "--port", "0", "--clients", "2", "--json")
    result = run(*args, start_method=method, program=[*NETWORK_OF_ITS_OWN, *PROCDEMO], within=20)
    result.assert_clean(status=1)
    clients = [f"client-{number} (port" for number in range(2)]
    assert all(client in result.summary["reason"] for client in clients)
    assert "Network is unreachable" in result.summary["reason"]


@on_ours()
def test_a_limit_that_was_set_is_no_failure(server):
    args = ("--port", "0", "--clients", "2", "--stay", "0", "--max-bytes", "4", "--json")
    result = run(server.name, *args, within=20).assert_clean(status=0)
    whys = {event.data["why"] for event in result.named("turned away")}
    assert whys == {"more than 4 bytes (--max-bytes)"}


@pytest.mark.parametrize("role", ["worker-0", "client-0"])
def test_a_kill_that_was_asked_for_is_no_failure(role, start_method):
    args = ("prefork-server", "-n1", "--port", "0", "--clients", "1", "--stay", "5", "--kill", f"{role}@0")
    with Command(*args, "--json", start_method=start_method) as command:
        assert command.finish(within=10).assert_clean(status=0).named("no wait")
