"""C6, C7, C8: many clients, few descriptors, and an end that is received although others stay.

C7 and C8 are not shown to fail on the tutorial: it has no limit to keep.
"""

import contextlib

from clients import Client
from harness import PROCDEMO, Command
from processes import kill
from servers import ALL_METHODS, FORKING, WORKERS, cpu_seconds, on_ours, some_of_ours
from waiting import wait_until

FEW = ["sh", "-c", 'ulimit -n 32 && exec "$@"', "sh", *PROCDEMO]


@on_ours(names=FORKING, methods=ALL_METHODS)
def test_c6_the_end_is_received_while_others_stay_and_a_worker_is_started(server):
    others = WORKERS - 1 if server.name in {"pool-server", "prefork-server"} else 5
    with server.start() as running, running.clients(1) as (staying,):
        with running.client_apart(running.server_of(staying)) as cut_off:
            kill(running.server_of(cut_off))
            cut_off.receive_end()
        with running.clients(others - 1), running.client() as leaving:
            leaving.ask(within=3)
            leaving.finish()
            assert leaving.receive_end() == b""
            staying.ask()


def is_served(port):
    with Client(port) as honest:
        try:
            honest.ask(within=3)
        except AssertionError:
            return False
        return True


@some_of_ours
def test_c7_out_of_descriptors(name):
    """Clients that are connected stay; no process spins; a later client is served when there is room.

    Tried under fork: each worker of a fork server costs the main process two descriptors more.
    """
    words = (name, "--port", "0", "--json", "--grace", "0.2")
    with (
        Command(*words, program=FEW, start_method=None if name == "async-server" else "fork") as command,
        contextlib.ExitStack() as stack,
    ):
        port = command.wait_event("listening").data["port"]
        crowd = [stack.enter_context(Client(port)) for _ in range(60)]
        crowd[0].ask(within=5)
        before = cpu_seconds(command)
        command.pause(1.0)
        assert cpu_seconds(command) - before < 0.3, "C7: it spins"
        crowd[0].ask()
        for client in crowd:
            client.sock.close()
        # Until it has noticed that they have left, it may still refuse one.
        wait_until(lambda: is_served(port), 3, "C7: a client that comes when there is room again")
        command.signal(15)
        command.finish(within=5).assert_clean(0)


@on_ours(names=("echo-server", "selector-server"))
def test_c8_a_crowd_never_exceeds_the_cap(server):
    """Each of 300 is answered, or refused by a line; none is left without a line."""
    cap = 20
    with server.start("--max-connections", str(cap)) as running:
        answered = refused = 0
        for _ in range(6):
            with running.clients(50, served=False) as crowd:
                for client in crowd:
                    client.sock.settimeout(5)
                    with contextlib.suppress(OSError):
                        client.sock.sendall(b"x")
                for client in crowd:
                    word, _ = client.receive_up_to(1, 5)
                    assert word in {b"X", b"p"}, "C8: an answer, or a line that says no"
                    answered += word == b"X"
                    refused += word == b"p"
                assert answered
                if not server.worker_count:
                    assert len(running.workers()) <= cap
            wait_until(lambda: running.process_count() <= 3 + server.worker_count)
        assert answered + refused == 300
        assert refused
        wait_until(running.has_room, what="the end of all clients that have left")
        running.check()
