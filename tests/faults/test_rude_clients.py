"""C: clients that leave at once, close one half, reconnect for ever, are a thousand, send ten megabytes.

Not shown to fail on every variant of the tutorial: its prefork server closes each connection after one
answer, so the end at once does not matter there. A process for each connection starves no other client,
and sometimes it has no zombies. Ten megabytes are C5 again, where all of them fail.
"""

import contextlib
import os
import socket

import pytest
from servers import MARGIN_S, WORKERS, Running, Server, must_fail, on_ours
from waiting import wait_until

TOTAL_S = 0.8
LIMITS = {"idle_timeout": 0.4, "total_timeout": TOTAL_S}


def assert_unharmed(running: Running, before: list[int]) -> None:
    """The same workers are there, and serve."""
    running.check()
    if running.worker_count:
        assert running.workers() == before, "C4: a worker has died of it"


def c4_the_end_at_once(server: Server) -> None:
    """A FIN before any byte."""
    with server.start() as running:
        before = running.workers()
        for _ in range(50):
            running.client().sock.close()
        assert_unharmed(running, before)


def c5_nothing_but_a_half_close(server: Server) -> None:
    """``SHUT_WR`` and no data: there is nothing to answer, and the end is received at once."""
    with server.start() as running:
        before = running.workers()
        for _ in range(10):
            with running.client() as client:
                client.finish()
                assert client.receive_end() == b"", "C5"
        assert_unharmed(running, before)


def c3_the_other_half_closed(server: Server) -> None:
    """``SHUT_RD``: the client sends on, and will never read the answers."""
    with server.start(**LIMITS) as running, running.clients(WORKERS, served=False) as deaf:
        before = running.workers()
        for client in deaf:
            client.sock.shutdown(socket.SHUT_RD)
            client.flood()
        running.echo(within=TOTAL_S + MARGIN_S)
        assert_unharmed(running, before)


def c9_ten_megabytes_without_a_newline(server: Server) -> None:
    """O10: the answer is whole, and no process keeps it in memory."""
    data = b"no newline, " * (10 * (1 << 20) // 12)
    with server.start() as running:
        running.echo()
        memory = running.memory()
        with running.client() as client:
            assert client.exchange(data, within=10) == data.upper(), "C9"
            assert running.memory() - memory < 32, "O10"
        running.check()


def c8_reconnecting_for_ever(server: Server) -> None:
    """Beside these clients an honest one stays; afterwards nothing is left of them (O8)."""
    with server.start() as running, running.clients(1) as (staying,):
        before = running.workers()
        running.echo()
        descriptors = running.descriptors()
        for count in range(150):
            with running.client() as client:
                client.ask(b"again")
            if count % 50 == 0:
                staying.ask()
        staying.ask()
        assert_unharmed(running, before)
        wait_until(lambda: running.descriptors() <= descriptors, 2, "O8: as many descriptors as before")


CASES = [
    c3_the_other_half_closed,
    c4_the_end_at_once,
    c5_nothing_but_a_half_close,
    c8_reconnecting_for_ever,
    c9_ten_megabytes_without_a_newline,
]


@on_ours(*CASES)
def test_ours_goes_on(case, server):
    case(server)


@must_fail(
    (c3_the_other_half_closed, {"pool": "O9", "prefork": "O9"}),
    (c4_the_end_at_once, {"pool": "O4|O5"}),
    (c5_nothing_but_a_half_close, {"process": "EOF", "pool": "EOF"}),
    (c8_reconnecting_for_ever, {"pool": "O5|O9"}),
)
@pytest.mark.thorough
def test_the_tutorial_does(case, server, reason):
    with pytest.raises(AssertionError, match=f"(?s){reason}"):
        case(server)


CAP = 20
REFUSAL = f"procdemo: {CAP} clients are connected already, try again later\n".encode()


@on_ours()
def test_c8_a_thousand_connect_at_once(server):
    """Each is answered, or refused by a line that says why; none is forgotten, no process is left."""
    with server.start("--max-connections", str(CAP)) as running:
        before = running.process_count()
        answered = refused = 0
        with running.clients(1000, served=False) as crowd:
            for client in crowd:
                with contextlib.suppress(OSError):  # it is refused already
                    client.sock.sendall(b"x")
            for client in crowd:
                if client.receive(1, within=5) == b"X":
                    answered += 1
                    if server.worker_count:  # else it stays, or a process would be made for each
                        client.finish()
                        assert client.receive_end(within=5) == b""
                else:
                    assert client.receive_end() == REFUSAL[1:], "C8: a line that says why"
                    refused += 1
        assert (answered > 0, answered + refused) == (True, 1000)
        if server.name == "prefork-server":
            assert answered == 1000, "C8: a client without a free worker waits in the kernel"
        wait_until(lambda: running.process_count() <= before, 3, "O3: as many processes as before")
        wait_until(running.has_room, what="the end of all clients that have left")
        running.check()
        assert len(os.listdir(f"/proc/{running.main}/fd")) < CAP + 30
