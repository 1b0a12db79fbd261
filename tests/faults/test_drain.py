"""A2, A5: a server that is asked to stop lets its clients finish, unless it is asked twice.

The tutorial's servers have no such end: A1 and A4 show how theirs looks.
"""

import signal

import pytest
from clients import Client
from servers import ALL_METHODS, WORKERS, Server, everywhere, must_fail, on_ours


def a2_half_a_request(server: Server) -> None:
    with server.start(grace=10) as running, running.clients(1) as (client,):
        client.send(b"first half, ")
        assert client.receive(12) == b"FIRST HALF, "
        running.command.signal(signal.SIGTERM)
        if not server.tutorial:
            running.command.wait_event("draining")
            with pytest.raises(AssertionError, match="cannot connect"):
                Client(running.port)
        client.ask(b"second half")
        client.finish()
        assert client.receive_end() == b""
        running.command.finish(within=10).assert_clean(0, port=running.port)


@on_ours(methods=ALL_METHODS, each=True)
def test_a2_a_client_that_has_begun_may_finish(server):
    a2_half_a_request(server)


@must_fail((a2_half_a_request, everywhere("O2|O9")))
@pytest.mark.thorough
def test_a2_the_tutorial_cuts_off(case, server, reason):
    with pytest.raises(AssertionError, match=f"(?s){reason}"):
        case(server)


@on_ours(methods=ALL_METHODS, each=True)
def test_a5_a_second_ctrl_c_cuts_the_grace(server):
    with server.start(grace=30) as running, running.clients(WORKERS) as clients:
        running.command.signal_group(signal.SIGINT)
        running.command.wait_event("draining")
        running.command.pause(0.15)  # what comes sooner is the same request
        running.command.signal_group(signal.SIGINT)
        running.command.finish(within=1).assert_clean(130)
        for client in clients:
            client.receive_end()
