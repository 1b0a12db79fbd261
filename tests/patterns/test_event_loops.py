"""One thread for many clients, by whatever loop: nobody waits for a slow one, or pays for a deaf one."""

import contextlib

import pytest
from servers import Server

SELECTOR, ASYNC = Server("selector-server", "fork"), Server("async-server", "fork")
each_loop = pytest.mark.parametrize(
    ("server", "loop"),
    [(SELECTOR, ()), (ASYNC, ("--loop", "asyncio")), (ASYNC, ("--loop", "uvloop"))],
    ids=["selectors", "asyncio", "uvloop"],
)


@each_loop
def test_a_half_closed_client_gets_its_whole_answer_however_slowly_it_reads(server, loop):
    with server.start(*loop) as running, running.client(receive_buffer=4096) as slow:
        assert slow.babble()
        slow.sock.settimeout(5)
        running.echo()
        slow.finish()
        answer = slow.hear_end(within=10)
        assert set(answer) == {ord("X")}
        served = running.command.wait_event(
            lambda event: event.name == "served" and event.data["client"] == slow.name
        )
        assert (served.data["bytes"], served.data["reason"]) == (len(answer), "client left")


@each_loop
def test_clients_that_never_read_cost_little_and_hold_up_nobody(server, loop):
    """O10: who does not take its answers is not read from any more."""
    with server.start(*loop) as running, running.clients(40) as deaf:
        before = running.memory()
        for _ in range(20):
            for client in deaf:
                assert client.babble()
            running.echo()
        assert running.memory() - before < 32
        for client in deaf:
            client.reset()
        running.check()


@each_loop
def test_silence_and_duration_have_a_limit_each(server, loop):
    limits = {"idle_timeout": 0.3, "total_timeout": 1.2}
    with server.start(*loop, **limits) as running, running.clients(1) as (silent,):
        silent.hear_end(within=2)
        told = running.command.wait_event("served").data
        assert (told["client"], told["reason"]) == (silent.name, "over --idle-timeout")
        with running.client() as talker:
            with contextlib.suppress(AssertionError):
                while True:
                    talker.ask(within=3)
            told = running.command.wait_event("served", nth=2).data
            assert (told["client"], told["reason"]) == (talker.name, "over --total-timeout")
