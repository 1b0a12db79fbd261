"""One thread for many clients, by whatever loop: none waits for a slow one, or for one that never reads."""

import contextlib

import pytest
from clients import Client
from harness import PROCDEMO, Command
from servers import Server, cpu_seconds

SELECTOR, ASYNC = Server("selector-server", "fork"), Server("async-server", "fork")
FEW_DESCRIPTORS = ["sh", "-c", 'ulimit -n 64 && exec "$@"', "sh", *PROCDEMO]
each_loop = pytest.mark.parametrize(
    ("server", "loop"),
    [
        (SELECTOR, ()),
        (ASYNC, ("--loop", "asyncio")),
        pytest.param(ASYNC, ("--loop", "uvloop"), marks=pytest.mark.thorough),
    ],
    ids=["selectors", "asyncio", "uvloop"],
)


@each_loop
def test_a_half_closed_client_gets_its_whole_answer_however_slowly_it_reads(server, loop):
    with server.start(*loop) as running, running.client(receive_buffer=4096) as slow:
        assert slow.flood()
        slow.sock.settimeout(5)
        running.echo()
        slow.finish()
        answer = slow.receive_end(within=10)
        assert set(answer) == {ord("X")}
        served = running.command.wait_event(
            lambda event: event.name == "served" and event.data["client"] == slow.label
        )
        assert (served.data["bytes"], served.data["reason"]) == (len(answer), "client left")


@each_loop
def test_clients_that_never_read_cost_little_and_no_other_client_waits(server, loop):
    """O10: if a client does not take its answers, nothing more is read from it."""
    with server.start(*loop) as running, running.clients(40) as deaf:
        before = running.memory()
        for _ in range(20):
            for client in deaf:
                assert client.flood()
            running.echo()
        assert running.memory() - before < 32
        for client in deaf:
            client.reset()
        running.check()


@each_loop
def test_silence_and_duration_have_a_limit_each(server, loop):
    with server.start(*loop, idle_timeout=0.3) as running, running.client() as silent:
        silent.receive_end(within=2)
        told = running.command.wait_event("served").data
        assert (told["client"], told["reason"]) == (silent.label, "over --idle-timeout")
    limits = {"idle_timeout": 1.0, "total_timeout": 1.3}  # the client may be off the CPU for almost a second
    with server.start(*loop, **limits) as running, running.client() as busy:
        with contextlib.suppress(AssertionError):
            while True:
                busy.ask(within=3)
        told = running.command.wait_event("served").data
        assert (told["client"], told["reason"]) == (busy.label, "over --total-timeout")


@each_loop
def test_a_low_limit_of_descriptors_is_reported_on_the_screen(server, loop):
    args = (server.name, *loop, "--port", "0", "--clients", "1", "--stay", "0")
    with Command(*args, program=FEW_DESCRIPTORS) as command:
        result = command.finish(within=20).assert_clean(0)
    assert "has room for 32 clients, not 10000" in result.stdout
    assert "a process may have 64 descriptors here (ulimit -Hn)" in result.stdout


@each_loop
def test_with_few_descriptors_the_other_clients_wait_in_the_backlog(server, loop):
    """C7: the server does not spin; when there is room again, the next client is served."""
    args = [server.name, *loop, "--port", "0", "--json", "--grace", "0.2"]
    args += ["--workers", "1"] if server.many_at_once else []
    with Command(*args, program=FEW_DESCRIPTORS) as command, contextlib.ExitStack() as stack:
        reported = command.wait_event("few descriptors").data
        assert (reported["limit"], reported["wanted"], reported["possible"]) == (64, 10_000, 32)
        port = command.wait_event("listening").data["port"]
        crowd = [stack.enter_context(Client(port)) for _ in range(100)]
        for client in crowd[:32]:
            client.ask(within=5)
        crowd[-1].send(b"room?")
        before = cpu_seconds(command)
        command.pause(1.0)
        assert cpu_seconds(command) - before < 0.2, "C7: it spins"
        assert crowd[-1].is_silent()
        for client in crowd[:-1]:
            client.sock.close()
        assert crowd[-1].receive(5, within=5) == b"ROOM?"
        command.signal(15)
        command.finish(within=3).assert_clean(0)
