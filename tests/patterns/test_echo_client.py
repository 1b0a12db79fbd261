"""Words, a pipe or a load: each message gets its answer, byte for byte, until a signal comes."""

import json
import os
import re
import shlex
import signal
import subprocess

import pytest
from conversations import LOAD, ask, echo_server, server
from harness import PROCDEMO, Command, run
from selection import some_of

# --- words


def test_each_word_is_a_message_and_each_answer_a_line():
    with echo_server() as ours:
        result = ask(ours.port, "hello", "two words", "wörld", "--help", "").assert_clean()
    assert result.stdout == "HELLO\nTWO WORDS\nWöRLD\n--HELP\n\n"
    assert result.stderr == "ok: 5 of 5 messages answered in upper case (ASCII letters), byte for byte\n"


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


def test_the_meta_line_has_the_settings():
    with echo_server() as ours:
        result = run("echo-client", "--json", "--port", ours.port, "--wait", "3", "hello")
    meta = json.loads(result.stdout.splitlines()[0])
    assert meta["data"]["config"]["words"] == ["hello"]
    assert meta["data"]["config"]["wait"] == 3


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
            result = client.finish(within=10).assert_clean(status=[0, 141], stderr_lines=1)
    assert result.stdout == "LINE\n"


# --- a load


def test_a_load_is_measured():
    with echo_server() as ours:
        args = ["--clients", "4", "--messages", "50", "--size", "3000", "--wait", "60"]
        result = run("echo-client", "--port", ours.port, *args, limit=70).assert_clean()
    for measure in ("messages/s", "connections/s", "p50 ms", "p99 ms"):
        assert measure in result.stdout
    assert result.stderr == "ok: 200 of 200 messages answered in upper case (ASCII letters), byte for byte\n"


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


# --- signals


@pytest.mark.parametrize(
    ("words", "asked"), [(["hello"], 1), (LOAD, 6), ([], 0)], ids=["words", "load", "pipe"]
)
@pytest.mark.parametrize(
    ("signum", "status"), some_of([(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
)
def test_a_signal_ends_it_at_once(words, asked, signum, status):
    with (
        server("silent") as faulty,
        Command("echo-client", "--port", faulty.port, *words, stdin=subprocess.PIPE) as client,
    ):
        clients = 3 if words == LOAD else 1
        faulty.wait_for(lambda: faulty.stdout.count("accepted\n") == clients)
        client.signal_group(signum)
        result = client.finish(within=1.5).assert_clean(status=status)
    # It is connected; whether the message is sent already is a matter of microseconds.
    assert re.fullmatch(rf"interrupted: 0 of [0-{asked}] messages answered\n", result.stderr)


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
