"""echo-client: by hand, in a pipe, as a load; and each way in which a server can fail it."""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import termios
from pathlib import Path

import pexpect
import pytest
from harness import PROCDEMO, Command, run

TESTS = Path(__file__).parents[1]
HOSTILE = [
    b"\x1b]0;PWN\x1b\\ \x1b[2J \xc2\x9b31m \xe2\x80\xae \x08 [red]x[/][/foo]",
    b"\xff\xfe\x80\xc3\x28\xed\xa0\x80 [/]",
    b"\x1b]52;c;ZWNobyBoaQ==\x07\x1b[6n\x1bc\x1bP",
    b"\x00\x08\x0b\x0c\x7fa\rb\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf",
    b"[link=file:///etc/passwd]x[/link] :skull: \\ " + b"[" * 2000,
]
LOAD = ["--clients", "3", "--messages", "2", "--size", "5"]


@contextlib.contextmanager
def server(*behaviour):
    """Run a server that fails as told; yield it with its port."""
    program = [sys.executable, str(TESTS / "faulty_server.py")]
    with Command(*behaviour, program=program) as command:
        command.port = command.wait_line(r"^listening \S+ (\d+)$")[1]
        yield command


@contextlib.contextmanager
def echo_server(*options):
    """Run our own server; yield it with its port."""
    with Command("echo-server", "-q", "--port", "0", *options) as command:
        command.port = command.wait_line(r"^listening \S+ (\d+)$")[1]
        yield command


def ask(port, *words, stdin=None, **options):
    """Run the client with `words`, or with the bytes `stdin` in its pipe."""
    args = ["echo-client", "--port", str(port), "--", *words]
    if stdin is None:
        return run(*args, **options)
    with Command(*args, stdin=subprocess.PIPE, **options) as command:
        command.stdin.write(stdin)
        command.stdin.close()
        return command.finish()


def dead_port():
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


# --- words


def test_each_word_is_a_message_and_each_answer_a_line():
    with echo_server() as ours:
        result = ask(ours.port, "hello", "two words", "wörld", "--help", "").assert_clean()
    assert result.stdout == "HELLO\nTWO WORDS\nWöRLD\n--HELP\n\n"
    assert result.stderr == "ok: 5 of 5 messages answered in upper case, byte for byte\n"


def test_a_word_need_not_be_text():
    with echo_server() as ours:
        result = ask(ours.port, os.fsdecode(b"a\xff\x1b[2J")).assert_clean()
    assert result.stdout == "A\\xff\\x1b[2J\n"


def test_quiet_leaves_the_answers():
    with echo_server() as ours:
        result = run("echo-client", "-q", "--port", ours.port, "hello").assert_clean()
    assert (result.stdout, result.stderr) == ("HELLO\n", "")


def test_verbose_tells_in_how_many_pieces_an_answer_came():
    with server("bytewise") as bytewise:
        result = run("echo-client", "-v", "--port", bytewise.port, "hello").assert_clean()
    assert result.stdout == "HELLO\n"
    assert "whole after" in result.stderr
    assert "5 bytes in" in result.stderr


def test_json_is_lines_from_meta_to_summary():
    with echo_server() as ours:
        result = run("echo-client", "--json", "--port", ours.port, "hello", "you").assert_clean()
    names = [event.name for event in result.events]
    assert names == ["meta", "answer", "answer", "summary"]
    assert {event.role for event in result.events} == {"main"}
    assert [event.data["text"] for event in result.named("answer")] == ["HELLO", "YOU"]
    assert result.summary == {"ok": True, "asked": 2, "answered": 2}
    assert result.stderr == ""


def test_a_recorded_conversation_is_shown_again(tmp_path):
    with echo_server() as ours:
        recorded = run("echo-client", "--json", "--port", ours.port, "hello", "you")
    log = tmp_path / "run.jsonl"
    log.write_text(recorded.stdout)
    assert run("replay", str(log)).assert_clean().stdout == "HELLO\nYOU\n"


def test_a_host_by_name():
    with echo_server() as ours:  # often ::1 first, where it does not listen
        result = run("echo-client", "--host", "localhost", "--port", ours.port, "hello").assert_clean()
    assert result.stdout == "HELLO\n"


# --- a pipe


def test_lines_of_a_pipe_are_messages_whatever_their_bytes():
    lines = b"one\r\n\n\xff\xfe\x1b[2J\nlast"
    with echo_server() as ours:
        result = ask(ours.port, stdin=lines).assert_clean()
    assert result.stdout == "ONE\n\n\\xff\\xfe\\x1b[2J\nLAST\n"


def test_an_empty_pipe_is_a_conversation_without_a_word():
    with echo_server() as ours:
        result = ask(ours.port, stdin=b"").assert_clean()
    assert result.stdout == ""


def test_an_answer_comes_when_its_line_does():
    with (
        echo_server() as ours,
        Command("echo-client", "--port", ours.port, stdin=subprocess.PIPE) as client,
    ):
        client.stdin.write(b"one\n")
        client.wait_line("^ONE$")
        client.stdin.write(b"two\n")
        client.wait_line("^TWO$")
        client.stdin.close()
        client.finish().assert_clean()


@pytest.mark.parametrize("behaviour", ["upper", "store"])
def test_a_message_larger_than_all_buffers_is_answered_whole(behaviour, tmp_path):
    """One server answers what it has while we still send: who only sends first hangs.

    The other is silent until it has heard all: who waits for an answer to the first part hangs.
    """
    size = 20 << 20
    (tmp_path / "long").write_bytes(b"x" * size)
    with server(behaviour, str(size)) as right, open(tmp_path / "long", "rb") as stdin:
        result = run("echo-client", "--port", right.port, stdin=stdin.fileno()).assert_clean()
    assert result.stdout == "X" * size + "\n"


def test_an_endless_line_is_refused_before_it_takes_all_memory():
    with echo_server() as ours, open("/dev/zero", "rb") as stdin:
        result = run("echo-client", "--port", ours.port, stdin=stdin.fileno()).assert_clean(status=1)
    assert "line 1 of stdin is longer than" in result.stderr


def test_a_stdin_that_cannot_be_read():
    with echo_server() as ours, open(os.devnull, "wb") as for_writing:
        result = run("echo-client", "--port", ours.port, stdin=for_writing.fileno()).assert_clean(status=1)
    assert "cannot read the messages from stdin: Bad file descriptor" in result.stderr


def test_a_closed_stdin_is_an_empty_one():
    with echo_server() as ours:
        words = shlex.join([*PROCDEMO, "echo-client", "--port", ours.port])
        with Command(program=["bash", "-c", f"{words} <&-"]) as client:
            client.finish().assert_clean()


def test_a_reader_that_leaves_ends_it_quietly(tmp_path):
    (tmp_path / "lines").write_bytes(b"line\n" * 20_000)
    with echo_server() as ours:
        words = shlex.join([*PROCDEMO, "echo-client", "--port", ours.port])
        script = f"{words} <{tmp_path}/lines | head -n 1; exit ${{PIPESTATUS[0]}}"
        with Command(program=["bash", "-c", script]) as client:
            result = client.finish(within=10).assert_clean(status=[0, 1, 141], stderr_lines=1)
    assert result.stdout == "LINE\n"


# --- a load


def test_a_load_is_measured():
    with echo_server() as ours:
        args = ["--clients", "4", "--messages", "50", "--size", "3000"]
        result = run("echo-client", "--port", ours.port, *args).assert_clean()
    for measure in ("messages/s", "connections/s", "p50 ms", "p99 ms"):
        assert measure in result.stdout
    assert result.stderr == "ok: 200 of 200 messages answered in upper case, byte for byte\n"


def test_a_load_in_json():
    with echo_server() as ours:
        result = run("echo-client", "--json", "--port", ours.port, *LOAD).assert_clean()
    summary = result.summary
    assert (summary["ok"], summary["asked"], summary["answered"], summary["errors"]) == (True, 6, 6, {})
    assert summary["messages_per_s"] > summary["connections_per_s"] > 0
    assert 0 < summary["p50_ms"] <= summary["p99_ms"]
    counts = result.named("messages")
    assert counts[-1].data == {"value": 6, "total": 6}


def test_a_load_of_more_connections_than_are_allowed_says_so():
    with echo_server() as ours:
        words = shlex.join([*PROCDEMO, "echo-client", "--port", ours.port, "--clients", "100"])
        with Command(program=["bash", "-c", f"ulimit -n 40; exec {words}"]) as client:
            result = client.finish().assert_clean(status=1)
    assert "ulimit -n 150" in result.stderr


def test_words_and_a_load_exclude_each_other():
    result = run("echo-client", "--clients", "2", "hello").assert_clean(status=2)
    assert "either words or --clients" in result.stderr


# --- failures: in a conversation, and of each client of a load

FAILURES = {
    "silent": "was silent: 0 of 5 bytes of the answer within 0.5 s",
    "half": "was too slow: 2 of 5 bytes",
    "reset": "reset the connection after 0 of 5 bytes",
    "close-at-once": "closed the connection after 0 of 5 bytes",
    "close-early": "closed the connection after 4 of 5 bytes",
    "echo": "answered '",
    "extra": "sent bytes that nobody asked for: '!'",
    "extra-at-the-end": "sent bytes that nobody asked for: 'bye'",
    "never-close": "answered, but keeps the connection open",
    "refuse": "says: 100 clients are connected already",
    "refuse-in-pieces": "says: 100 clients are connected already",
}


@pytest.mark.parametrize("words", [["hello"], LOAD], ids=["words", "load"])
@pytest.mark.parametrize("behaviour", FAILURES)
def test_each_failure_of_a_server_is_a_clear_error_in_time(behaviour, words):
    with server(behaviour) as faulty:
        args = ["echo-client", "--timeout", "0.5", "--port", faulty.port, *words]
        result = run(*args, limit=10).assert_clean(status=1)
    error, hint, verdict = result.stderr.splitlines()
    assert error.startswith("error: ")
    assert f"127.0.0.1 port {faulty.port} {FAILURES[behaviour]}" in error
    assert "3 of 3 clients: " in error or words != LOAD
    assert hint.startswith("try: ")
    assert verdict.startswith("FAILED: ")
    assert result.seconds < 4  # 0.5 s, and Python's start on a busy machine


@pytest.mark.parametrize("words", [["x" * 200], ["--clients", "2", "--size", "200"]], ids=["words", "load"])
def test_a_server_that_drips_is_too_slow_though_never_silent(words):
    with server("drip") as faulty:  # 10 s in all
        args = ["echo-client", "--timeout", "0.5", "--port", faulty.port, *words]
        result = run(*args, limit=8).assert_clean(status=1)
    assert "was too slow: " in result.stderr
    assert result.seconds < 4


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ("second-silent", "was silent: 0 of 6 bytes"),
        ("second-reset", "reset the connection after 0 of 6 bytes"),
        ("second-echo", "answered 'second' instead of 'SECOND', from byte 0 on"),
        ("second-refuse", "says: 100 clients are connected already"),
        ("close-unasked", "closed the connection after 0 of 6 bytes"),
        ("stale", "answered 'FIRST' instead of 'SECOND', from byte 0 on"),
        ("extra", "sent bytes that nobody asked for: '!'"),
    ],
)
def test_what_was_answered_before_a_failure_is_not_lost(behaviour, told):
    with server(behaviour) as faulty:
        result = ask(faulty.port, "first", "second", env={"PROCDEMO_ECHO_CLIENT_TIMEOUT": "0.5"})
    result.assert_clean(status=1)
    assert result.stdout == "FIRST\n"
    assert told in result.stderr
    assert "FAILED: 1 of 2 messages" in result.stderr


def test_bytes_that_come_before_the_next_message_is_sent():
    """Not a wrong answer to a message that the server has not even got."""
    with (
        server("extra-at-the-end") as faulty,
        Command("echo-client", "--port", faulty.port, stdin=subprocess.PIPE) as client,
    ):
        client.stdin.write(b"\n")
        client.wait_line("^$")
        client.stdin.close()
        assert "nobody asked for: 'bye'" in client.finish().assert_clean(status=1).stderr
    with server("unasked") as faulty, socket.create_connection(("127.0.0.1", int(faulty.port))) as probe:
        assert probe.recv(3) == b"SSH"
        result = ask(faulty.port, "", env={"PROCDEMO_ECHO_CLIENT_TIMEOUT": "1"}).assert_clean(status=1)
        assert "sent bytes that nobody asked for: 'SSH-2.0" in result.stderr


@pytest.mark.parametrize("words", [["hello"], LOAD, []], ids=["words", "load", "pipe"])
def test_nobody_listens(words):
    port = dead_port()
    result = run("echo-client", "--port", str(port), *words).assert_clean(status=1)
    assert f"127.0.0.1 port {port} refused the connection" in result.stderr
    assert f"try: procdemo echo-server --port {port}" in result.stderr
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
        args = ["echo-client", "--timeout", "0.5", "--port", port, *words]
        result = run(*args, limit=8).assert_clean(status=1)
    assert f"port {port} was silent: no connection within 0.5 s" in result.stderr


@pytest.mark.parametrize("words", [["hello"], LOAD], ids=["words", "load"])
@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "300.1.1.1", "x\x1b[2J"])
def test_a_host_that_there_is_not(host, words):
    result = run("echo-client", "--timeout", "2", "--host", host, *words, limit=8).assert_clean(status=1)
    assert "no such host" in result.stderr
    assert "try: an address, e.g. --host 127.0.0.1" in result.stderr
    assert result.seconds < 6


@pytest.mark.parametrize(
    "wrong", [["--port", "0"], ["--timeout", "0"], ["--timeout", "inf"], ["--size", "0"]]
)
def test_wrong_settings_are_usage_errors(wrong):
    run("echo-client", *wrong, "hello").assert_clean(status=2, stderr_lines=8)


def test_a_failure_in_json():
    with server("echo") as faulty:
        result = run("echo-client", "--json", "--port", faulty.port, "hello").assert_clean(status=1)
    assert [event.name for event in result.events] == ["meta", "error", "summary"]
    assert "answered 'hello' instead of 'HELLO'" in result.events[1].data["message"]
    assert result.summary == {"ok": False, "asked": 1, "answered": 0}


def test_failures_of_a_load_are_counted_by_kind():
    with server("second-silent") as faulty:
        args = ["--timeout", "0.5", "--json", "--port", faulty.port, *LOAD]
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
    program = [sys.executable, str(TESTS / "tutorial_server.py")]
    with Command("process", program=program) as notes:
        port = notes.wait_line(r"^listening \S+ (\d+)$")[1]
        result = run("echo-client", "--timeout", "1", "--port", port, "hello").assert_clean(status=1)
    assert result.stdout == "HELLO\n"
    assert "keeps the connection open: no end within 1 s of ours" in result.stderr


# --- F1, F2: hostile bytes


@pytest.mark.parametrize("options", [[], ["--json"], ["--clients", "2"]], ids=str)
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bytes_of_a_server_reach_no_terminal(hostile, options):
    words = [] if "--clients" in options else ["hello"]
    for told in (hostile, b"procdemo: " + hostile + b"\n"):
        with server("answer", told.hex()) as faulty:
            result = run("echo-client", *options, "--timeout", "1", "--port", faulty.port, *words)
        result.assert_clean(status=1)  # O12 among others


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bytes_of_a_person_come_back_harmless(hostile):
    with echo_server() as ours:
        result = ask(ours.port, stdin=hostile + b"\nhonest\n").assert_clean()
    assert result.stdout.endswith("\nHONEST\n")


# --- signals


@pytest.mark.parametrize("words", [["hello"], LOAD, []], ids=["words", "load", "pipe"])
@pytest.mark.parametrize(
    ("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_at_once(words, signum, status):
    with (
        server("silent") as faulty,
        Command("echo-client", "--port", faulty.port, *words, stdin=subprocess.PIPE) as client,
    ):
        clients = 3 if words == LOAD else 1
        faulty.wait_for(lambda: faulty.stdout.count("accepted\n") == clients)
        client.signal_group(signum)
        result = client.finish(within=1.5).assert_clean(status=status)
    assert result.stderr == ""


def test_a_signal_that_is_ignored_stays_ignored():
    with echo_server() as ours:
        words = shlex.join([*PROCDEMO, "echo-client", "--port", ours.port])
        program = ["bash", "-c", f"trap '' INT; exec {words}"]
        with Command(program=program, stdin=subprocess.PIPE) as client:
            client.stdin.write(b"one\n")
            client.wait_line("^ONE$")
            client.signal(signal.SIGINT)
            client.stdin.write(b"two\n")
            client.wait_line("^TWO$")
            client.stdin.close()
            client.finish().assert_clean()


# --- a person at a terminal

ENVIRONMENT = {"TERM": "xterm", "PATH": os.environ["PATH"], "HOME": "/nonexistent", "INPUTRC": "/dev/null"}


@contextlib.contextmanager
def terminal(*words, program=PROCDEMO):
    """Run the client in a pseudo-terminal; kill it at the end should it still be there."""
    args = [*program[1:], *words]
    child = pexpect.spawn(program[0], args, env=ENVIRONMENT, timeout=10, dimensions=(24, 100))
    try:
        yield child
    finally:
        child.close(force=True)


def ended(child):
    """Return the exit status, and whether the terminal echoes again (O11)."""
    child.expect(pexpect.EOF)
    local_modes = termios.tcgetattr(child.child_fd)[3]
    child.wait()
    return child.exitstatus, bool(local_modes & termios.ECHO) and bool(local_modes & termios.ICANON)


def test_a_conversation_by_hand_until_ctrl_d():
    with echo_server() as ours, terminal("echo-client", "--port", ours.port) as person:
        person.expect("connected to 127.0.0.1 port .*; Ctrl-D ends")
        person.expect(">>> ")
        person.sendline("hello")
        person.expect("\nHELLO\r\n")
        person.expect(">>> ")
        person.sendline("")  # no message: just another prompt
        person.expect(">>> ")
        person.sendline("wörld")
        person.expect("\nWöRLD\r\n".encode())
        person.expect(">>> ")
        person.sendeof()
        person.expect("ok: 2 of 2 messages")
        assert ended(person) == (0, True)


def test_the_line_can_be_edited_and_taken_from_the_history():
    left, up = "\x1b[D", "\x1b[A"
    with echo_server() as ours, terminal("echo-client", "--port", ours.port) as person:
        person.expect(">>> ")
        person.sendline("hel" + left + "l\x05o")  # Ctrl-E: to the end
        person.expect("\nHELLO\r\n")
        person.expect(">>> ")
        person.sendline(up + " again")
        person.expect("\nHELLO AGAIN\r\n")
        person.expect(">>> ")
        person.sendeof()
        assert ended(person) == (0, True)


def test_undecodable_bytes_typed_by_hand():
    with echo_server() as ours, terminal("echo-client", "--port", ours.port) as person:
        person.expect(">>> ")
        person.sendline(b"a\x80b")
        person.expect(rb"\nA\\x80B\r\n")
        person.sendeof()
        assert ended(person) == (0, True)


@pytest.mark.parametrize(("signum", "status"), [(None, 130), (signal.SIGTERM, 143)])
def test_leaving_the_prompt_gives_the_terminal_back(signum, status):
    with echo_server() as ours, terminal("echo-client", "--port", ours.port) as person:
        person.expect(">>> ")
        person.send("half a li")
        person.expect("half a li")
        if signum:
            person.kill(signum)
        else:
            person.sendintr()
        assert ended(person) == (status, True)
        assert b"Traceback" not in person.before


def test_ctrl_c_while_the_server_is_silent():
    with server("silent") as faulty, terminal("echo-client", "--port", faulty.port) as person:
        person.expect(">>> ")
        person.sendline("hello")
        person.expect("hello\r\n")
        person.sendintr()
        assert ended(person) == (130, True)
        assert b"Traceback" not in person.before


def test_a_closed_terminal_ends_it():
    with echo_server() as ours, terminal("echo-client", "--port", ours.port) as person:
        person.expect(">>> ")
        person.close(force=True)
        assert person.exitstatus == 129 or person.signalstatus == signal.SIGHUP


def test_a_server_that_dies_while_one_types():
    with echo_server() as ours, terminal("echo-client", "--port", ours.port) as person:
        person.expect(">>> ")
        ours.signal(signal.SIGTERM)
        ours.finish(within=5)
        person.sendline("hello")
        person.expect("error: 127.0.0.1 port .* closed the connection after 0 of 5 bytes")
        assert ended(person) == (1, True)


def test_the_prompt_is_for_the_terminal_only(tmp_path):
    said = tmp_path / "said"
    with echo_server() as ours:
        words = shlex.join([*PROCDEMO, "echo-client", "--port", ours.port])
        with terminal(program=["bash", "-c", f"{words} >{said}"]) as person:
            person.expect(">>> ")
            person.sendline("hello")
            person.expect(">>> ")
            person.sendeof()
            assert ended(person) == (0, True)
    assert said.read_text() == "HELLO\n"


def test_a_load_draws_a_progress_bar_and_removes_it():
    with server("never-close") as faulty:  # at the end of its messages, it is still on the screen
        args = ["--clients", "2", "--messages", "2000", "--timeout", "1", "--port", faulty.port]
        with terminal("echo-client", *args) as person:
            person.expect("messages.*4000/4000")
            person.expect("error: 2 of 2 clients")
            assert ended(person) == (1, True)


@pytest.mark.parametrize(
    ("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_f3_a_load_that_is_stopped_gives_the_cursor_back(signum, status):
    with (
        server("silent") as faulty,
        terminal("echo-client", "--clients", "2", "--port", faulty.port) as person,
    ):
        person.expect_exact("\x1b[?25l")  # hidden
        person.expect("0/200")
        person.kill(signum)
        person.expect_exact("\x1b[?25h")
        assert ended(person) == (status, True)


def test_the_answers_of_a_terminal_are_no_flood():
    with echo_server() as ours, terminal("echo-client", "--port", ours.port, "x" * 5000) as person:
        person.expect(r"XXX\.\.\. \(3,000 more\)")
        assert ended(person) == (0, True)


def test_the_meta_line_has_the_settings():
    with echo_server() as ours:
        result = run("echo-client", "--json", "--port", ours.port, "--timeout", "3", "hello")
    meta = json.loads(result.stdout.splitlines()[0])
    assert meta["data"]["config"]["words"] == ["hello"]
    assert meta["data"]["config"]["timeout"] == 3
