"""H: which clients can connect, and which bytes are never trusted.

H1 cannot fail on the tutorial's servers: they, too, listen on 127.0.0.1 only. H2 cannot either: they
do not unpickle what comes from a socket. Both guard what we have added (Unix sockets, pipes).
"""

import pickle
import random
import signal
import struct
from pathlib import Path

import pytest
from canary import Canary
from clients import Client
from harness import PROCDEMO, Command
from listeners import listening_tcp, listening_unix
from namespaces import NETWORK_OF_ITS_OWN, needs_a_network_of_its_own
from servers import ALL_METHODS, Server, everywhere, must_fail, on_ours, some_of_ours


@on_ours(methods=ALL_METHODS)
def test_h1_only_the_port_asked_for_is_open_and_only_here(server):
    with server.start() as running, running.clients(1):
        pids = [running.command.pid, *running.command.descendants()]
        assert listening_tcp(pids) == {f"0100007F:{running.port:04X}"}
        for path in listening_unix(pids):
            assert not path.startswith("@"), "an abstract name is open to all users"
            directory = Path(path).parent
            assert directory.stat().st_mode & 0o077 == 0, f"{directory} is open to others"


@on_ours(methods=ALL_METHODS)
def test_h2_a_pickle_from_a_stranger_is_data(server, tmp_path):
    canary = tmp_path / "sang"
    with server.start() as running:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            song = pickle.dumps(Canary(canary), protocol)
            for message in (song, struct.pack("!i", len(song)) + song):
                running.echo(message)
        running.check()
    assert not canary.exists()
    pickle.loads(song)
    assert canary.exists(), "the canary can sing"


def h3_other_protocols(server: Server) -> None:
    """TLS, HTTP, SSH, length prefixes and noise are all just bytes to be answered."""
    noise = random.Random(3).randbytes(1 << 20)
    greetings = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        *map(bytes.fromhex, ("00000000", "7fffffff", "ffffffff")),
    ]
    with server.start() as running:
        for greeting in greetings:
            running.echo(greeting)
        with running.client() as client:
            for start in range(0, len(noise), 1 << 16):
                client.ask(noise[start : start + (1 << 16)], within=5)
        running.check()


@on_ours()
def test_h3_other_protocols_are_data(server):
    h3_other_protocols(server)


@must_fail((h3_other_protocols, everywhere("O9")))
@pytest.mark.thorough
def test_the_tutorial_breaks_on_them(case, server, reason):
    with pytest.raises(AssertionError, match=f"(?s){reason}"):
        case(server)


@some_of_ours
def test_h4_another_local_address_is_refused(name):
    """127.0.0.2 is this machine, too, but not the address that was asked for."""
    with Command(name, "--port", "0", "--json") as command:
        port = command.wait_event("listening").data["port"]
        with pytest.raises(AssertionError, match="cannot connect"), Client(port, host="127.0.0.2"):
            pass


@some_of_ours
def test_h1_no_host_is_not_every_host(name):
    """An empty address is all of them for bind(2)."""
    with Command(name, "--port", "0", "--host", "", "--json") as command:
        told = command.wait_event("listening").data
        assert told["host"] == "127.0.0.1"
        pids = [command.pid, *command.descendants()]
        assert listening_tcp(pids) == {f"0100007F:{told['port']:04X}"}
        assert not [event for event in command.events if event.name == "open to others"]


@needs_a_network_of_its_own
@pytest.mark.parametrize("host", ["0.0.0.0", pytest.param("::", marks=pytest.mark.thorough)])
@some_of_ours
def test_h1_an_address_that_is_open_to_others_is_warned_of(name, host):
    program = [*NETWORK_OF_ITS_OWN, *PROCDEMO]
    with Command(name, "--port", "0", "--host", host, program=program) as command:
        command.wait_line(f"^listening {host} ")
        warnings = [line for line in command.stdout.splitlines() if "warning" in line]
        assert len(warnings) == 1
        assert f"warning: {host} is not loopback" in warnings[0]
        command.signal(signal.SIGTERM)
        command.finish(within=5).assert_clean(0)
