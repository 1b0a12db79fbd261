"""async-server: one thread for all clients; asyncio's loop, or uvloop's."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading

import pytest
from harness import Command, run
from servers import Running, Server

from procdemo.demo.events import Emitter
from procdemo.patterns.async_server import Config, echo
from procdemo.servers.async_listener import TimeLimits, loop_factory

SERVER = Server("async-server", "fork")
LOOPS = ("asyncio", "uvloop")
each_loop = pytest.mark.parametrize("loop", LOOPS)


@each_loop
def test_many_clients_share_one_thread_and_none_waits(loop):
    with SERVER.start("--loop", loop) as running, contextlib.ExitStack() as stack:
        before = len(os.listdir(f"/proc/{running.main}/task"))
        clients = []
        for _ in range(60):
            clients.append(stack.enter_context(running.client()))
            clients[-1].ask()
        for client in reversed(clients):
            client.ask()
        assert len(os.listdir(f"/proc/{running.main}/task")) == before
        assert running.workers() == [running.main]
        running.command.signal(signal.SIGTERM)
        summary = running.command.finish(within=3).assert_clean(0).summary
        assert (summary["most"], summary["cut_off"]) == (60, 60)


@each_loop
def test_the_last_answers_are_sent_although_the_kernel_takes_them_piece_by_piece(loop):
    """After close() with answers unsent, a transport of asyncio cannot be aborted any more: it raises."""
    server, client = socket.socketpair()
    with server, client, asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        server.setblocking(False)
        client.sendall(b"x" * 60_000)
        client.shutdown(socket.SHUT_WR)
        answers: list[bytes] = []
        hearing = threading.Thread(target=lambda: answers.extend(iter(lambda: client.recv(1000), b"")))
        hearing.start()
        config = Config(loop=loop)
        talk = echo(server, "a client", config, TimeLimits(config), Emitter(lambda _: None))
        outcome = runner.run(talk)
        runner.run(asyncio.sleep(0))  # the loop closes the connection
        hearing.join()
    assert (outcome, b"".join(answers)) == (("client left", 60_000), b"X" * 60_000)


@each_loop
def test_a_client_that_never_takes_the_last_answers_is_hung_up_on(loop):
    """Its half of the connection is closed, but the answers cannot be sent: the limits hold here, too."""
    with (
        SERVER.start("--loop", loop, idle_timeout=0.5) as running,
        running.client(receive_buffer=4096) as deaf,
    ):
        assert deaf.flood()
        deaf.finish()
        assert running.command.wait_event("served").data["reason"] == "over --idle-timeout"


@each_loop
def test_more_than_max_bytes(loop):
    with SERVER.start("--loop", loop, "--max-bytes", "10") as running, running.client() as client:
        client.ask(b"0123456789")
        client.send(b"!")
        assert b"more than 10 bytes" in client.receive_end()


def test_an_error_in_a_coroutine_is_reported_at_once_and_the_others_are_served():
    program = (
        "from procdemo.patterns import async_server; from procdemo.__main__ import main\n"
        "echo, clients = async_server.echo, []\n"
        "async def second_fails(conn, client, *settings):\n"
        "    clients.append(client)\n"
        "    return await echo(conn, client, *settings) if len(clients) != 2 else 1 / 0\n"
        "async_server.echo = second_fails; main()"
    )
    with Command("async-server", "--port", "0", "--json", program=[sys.executable, "-c", program]) as command:
        running = Running(command, SERVER, json=True)
        with running.client() as first:
            first.ask()
            with running.client():
                command.wait_event(lambda event: "ZeroDivisionError" in event.data.get("text", ""))
            first.ask()
        running.echo()


def test_without_uvloop_it_says_how_to_install_it():
    hide = "import sys; sys.modules['uvloop'] = None; from procdemo.__main__ import main; main()"
    with Command(
        "async-server", "--loop", "uvloop", "--port", "0", program=[sys.executable, "-c", hide]
    ) as command:
        result = command.finish(within=10).assert_clean(3, stderr_lines=2)
    assert "python -m pip install uvloop" in result.stderr


@each_loop
def test_a_scripted_lesson_ends_by_itself(loop):
    args = ["--port", "0", "--clients", "3", "--stay", "0.1", "--loop", loop]
    output = run("async-server", *args, within=20).assert_clean(0).stdout
    assert "ok: One thread of one process served all clients." in output
