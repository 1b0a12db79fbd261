"""However a server fails or attacks, in a conversation or under load: a clear error, in time."""

import socket
import subprocess

import pytest
from conversations import LOAD, ask, echo_server, no_server, server
from harness import Command, run
from in_process import both_ways
from selection import some_of
from servers import TUTORIAL

from procdemo.patterns.echo_client import complete
from procdemo.tcp_client.exchange import Exchange, ServerFailedError

FAILURES = {
    "silent": "was silent: 0 of 5 bytes of the answer within 0.5 s",
    "half": "was too slow: 2 of 5 bytes",
    "reset": "reset the connection after 0 of 5 bytes",
    "close-at-once": "closed the connection after 0 of 5 bytes",
    "close-early": "closed the connection after 4 of 5 bytes",
    "echo": "answered '",
    "extra": "sent bytes that were not asked for: '!'",
    "extra-at-the-end": "sent bytes that were not asked for: 'bye'",
    "never-close": "answered, but keeps the connection open",
    "refuse": "says: 100 clients are connected already",
    "refuse-in-pieces": "says: 100 clients are connected already",
}


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        *some_of((name, ["hello"]) for name in FAILURES),
        ("silent", LOAD),
        *(pytest.param(name, LOAD, marks=pytest.mark.thorough) for name in FAILURES if name != "silent"),
    ],
)
def test_each_failure_of_a_server_is_a_clear_error_in_time(behaviour, words):
    with server(behaviour) as faulty:
        args = ["echo-client", "--wait", "0.5", "--port", faulty.port, *words]
        result = run(*args, within=4).assert_clean(status=1)  # 0.5 s, and Python's start
    error, hint, verdict = result.stderr.splitlines()
    assert error.startswith("error: ")
    assert f"127.0.0.1 port {faulty.port} {FAILURES[behaviour]}" in error
    assert "3 of 3 clients: " in error or words != LOAD
    assert hint.startswith("try: ")
    assert verdict.startswith("FAILED: ")


@pytest.mark.parametrize("words", [["x" * 200], ["--clients", "2", "--size", "200"]], ids=["words", "load"])
def test_a_server_that_drips_is_too_slow_though_never_silent(words):
    with server("drip") as faulty:  # 10 s in all
        args = ["echo-client", "--wait", "0.5", "--port", faulty.port, *words]
        result = run(*args, within=4).assert_clean(status=1)
    assert "was too slow: " in result.stderr


@pytest.mark.parametrize(
    ("behaviour", "told"),
    some_of(
        [
            ("second-silent", "was silent: 0 of 6 bytes"),
            ("second-reset", "reset the connection after 0 of 6 bytes"),
            ("second-echo", "answered 'second' instead of 'SECOND', from byte 0 on"),
            ("second-refuse", "says: 100 clients are connected already"),
            ("close-unasked", "closed the connection after 0 of 6 bytes"),
            ("stale", "answered 'FIRST' instead of 'SECOND', from byte 0 on"),
            ("extra", "sent bytes that were not asked for: '!'"),
        ]
    ),
)
def test_what_was_answered_before_a_failure_is_not_lost(behaviour, told):
    with server(behaviour) as faulty:
        result = ask(faulty.port, "first", "second", env={"PROCDEMO_ECHO_CLIENT_WAIT": "0.5"})
    result.assert_clean(status=1)
    assert result.stdout == "FIRST\n"
    assert told in result.stderr
    assert "FAILED: 1 of 2 messages" in result.stderr


class AnsweredWhileWeSend(Exchange):
    """An exchange with a server that is faster than its client."""

    def __init__(self, message, server):
        super().__init__(message)
        self.server = server

    def send(self, conn):
        super().send(conn)
        self.server.sendall(self.server.recv(100).upper())


def test_a_client_that_was_off_the_cpu_does_not_blame_the_server():
    """When it looks at the clock, its time is over, but the answer is there."""
    conn, server = socket.socketpair()
    with conn, server:
        conn.setblocking(False)
        exchange = AnsweredWhileWeSend(b"hello", server)
        complete(exchange, conn, 0, None)
        assert exchange.received == 5
        with pytest.raises(ServerFailedError, match="was silent: 0 of 5 bytes of the answer within 0 s"):
            complete(Exchange(b"hello"), conn, 0, None)


def test_bytes_that_come_before_the_next_message_is_sent():
    """Not a wrong answer to a message that the server has not even got."""
    with (
        server("extra-at-the-end") as faulty,
        Command("echo-client", "--port", faulty.port, stdin=subprocess.PIPE) as client,
    ):
        client.stdin.write(b"\n")
        client.wait_line("^$")
        client.stdin.close()
        assert "not asked for: 'bye'" in client.finish().assert_clean(status=1).stderr
    with server("unasked") as faulty, socket.create_connection(("127.0.0.1", int(faulty.port))) as probe:
        assert probe.recv(3) == b"SSH"
        result = ask(faulty.port, "", env={"PROCDEMO_ECHO_CLIENT_WAIT": "1"}).assert_clean(status=1)
        assert "sent bytes that were not asked for: 'SSH-2.0" in result.stderr


@pytest.fixture
def dead_port():
    """Return a port of 127.0.0.1 on which no server listens, while it is kept."""
    with no_server() as (_, port):
        yield port


@pytest.mark.parametrize("words", [["hello"], LOAD, []], ids=["words", "load", "pipe"])
def test_no_server_listens(dead_port, words):
    result = run("echo-client", "--port", str(dead_port), *words).assert_clean(status=1)
    assert f"127.0.0.1 port {dead_port} refused the connection" in result.stderr
    assert f"try: procdemo echo-server --port {dead_port}" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("words", [["hello"], LOAD], ids=["words", "load"])
def test_a_server_whose_queue_is_full_and_that_never_accepts(words):
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        port = str(listener.getsockname()[1])
        args = ["echo-client", "--wait", "0.5", "--port", port, *words]
        result = run(*args, limit=8).assert_clean(status=1)
    assert f"port {port} was silent: no connection within 0.5 s" in result.stderr


@pytest.mark.parametrize("words", [["hello"], LOAD], ids=["words", "load"])
@pytest.mark.parametrize("host", some_of(["no-such-host.invalid", "a..b", "300.1.1.1", "x\x1b[2J"]))
def test_a_host_that_there_is_not(host, words):
    result = run("echo-client", "--wait", "2", "--host", host, *words, within=6).assert_clean(status=1)
    assert "no such host" in result.stderr
    assert "try: an address, e.g. --host 127.0.0.1" in result.stderr


@pytest.mark.parametrize("wrong", [["--port", "0"], ["--wait", "0"], ["--wait", "inf"], ["--size", "0"]])
@both_ways
def test_wrong_settings_are_usage_errors(run, wrong):
    run("echo-client", *wrong, "hello").assert_clean(status=2, stderr_lines=8)


def test_a_failure_in_json():
    with server("echo") as faulty:
        result = run("echo-client", "--json", "--port", faulty.port, "hello").assert_clean(status=1)
    assert [event.name for event in result.events] == ["meta", "error", "summary"]
    assert "answered 'hello' instead of 'HELLO'" in result.events[1].data["message"]
    assert result.summary == {"ok": False, "asked": 1, "answered": 0}


def test_failures_of_a_load_are_counted_by_kind():
    with server("second-silent") as faulty:
        args = ["--wait", "0.5", "--json", "--port", faulty.port, *LOAD]
        result = run("echo-client", *args).assert_clean(status=1)
    assert result.summary["errors"] == {"silent": 3}
    assert (result.summary["asked"], result.summary["answered"]) == (6, 3)


def test_a_limit_of_our_server_is_what_the_client_reports():
    with echo_server("--max-bytes", "20") as ours:
        result = ask(ours.port, "x" * 30).assert_clean(status=1)
    assert "says: more than 20 bytes (--max-bytes)" in result.stderr
    with echo_server("--max-connections", "1") as ours:
        with socket.create_connection(("127.0.0.1", int(ours.port))) as only:
            only.sendall(b"x")
            assert only.recv(1) == b"X"
            result = ask(ours.port, "hello").assert_clean(status=1)
        assert "says: 1 clients are connected already" in result.stderr


def test_it_finds_the_socket_that_the_server_of_the_notes_forgets_to_close():
    """C6 of the notes: its parent keeps a copy of each connection."""
    with Command("process", program=TUTORIAL) as notes:
        port = notes.wait_line(r"^listening \S+ (\d+)$")[1]
        result = run("echo-client", "--wait", "1", "--port", port, "hello").assert_clean(status=1)
    assert result.stdout == "HELLO\n"
    assert "keeps the connection open: no end within 1 s of ours" in result.stderr


# --- F1, F2: hostile bytes

HOSTILE = [
    b"\x1b]0;PWN\x1b\\ \x1b[2J \xc2\x9b31m \xe2\x80\xae \x08 [red]x[/][/foo]",
    b"\xff\xfe\x80\xc3\x28\xed\xa0\x80 [/]",
    b"\x1b]52;c;ZWNobyBoaQ==\x07\x1b[6n\x1bc\x1bP",
    b"\x00\x08\x0b\x0c\x7fa\rb\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf",
    b"[link=file:///etc/passwd]x[/link] :skull: \\ " + b"[" * 2000,
]
EACH_AND_ALL = [
    pytest.param(b" ".join(HOSTILE), id="all"),
    *(pytest.param(each, id=str(number), marks=pytest.mark.thorough) for number, each in enumerate(HOSTILE)),
]


@pytest.mark.parametrize("options", [[], ["--json"], ["--clients", "2"]], ids=str)
@pytest.mark.parametrize("hostile", EACH_AND_ALL)
def test_hostile_bytes_of_a_server_reach_no_terminal(hostile, options):
    words = [] if "--clients" in options else ["hello"]
    for told in (hostile, b"procdemo: " + hostile + b"\n"):
        with server("answer", told.hex()) as faulty:
            result = run("echo-client", *options, "--wait", "1", "--port", faulty.port, *words)
        result.assert_clean(status=1)  # O12 among others


@pytest.mark.parametrize("hostile", EACH_AND_ALL)
def test_hostile_bytes_of_a_person_come_back_harmless(hostile):
    with echo_server() as ours:
        result = ask(ours.port, stdin=hostile + b"\nhonest\n").assert_clean()
    assert result.stdout.endswith("\nHONEST\n")
