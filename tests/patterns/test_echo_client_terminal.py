"""A person at a terminal: a prompt with a history, a progress bar, and both given back at the end.

A Ctrl-D is typed at a prompt only: the terminal turns one that is typed earlier into a byte 0, which
readline ignores (termios(3): VEOF has its meaning in canonical mode only).
"""

import contextlib
import os
import shlex
import signal
import termios

import pexpect
import pytest
from conversations import echo_server, server
from harness import PROCDEMO
from terminals import hang_up
from waiting import wait_until

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
        person.expect(r"client \(port \d+\) is connected to 127.0.0.1 port .*; Ctrl-D ends")
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
        person.expect(">>> ")
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


def test_a9_a_closed_terminal_ends_it():
    with echo_server() as ours, terminal("echo-client", "--port", ours.port) as person:
        person.expect(">>> ")
        hang_up(person)
        wait_until(lambda: not person.isalive(), what="the end of the client")
        assert person.exitstatus == 129 or person.signalstatus == signal.SIGHUP


def test_a_server_that_ends_while_one_types_is_noticed_at_once():
    with echo_server() as ours, terminal("echo-client", "--port", ours.port) as person:
        person.expect(">>> ")
        person.send("half a li")  # and no Enter
        ours.signal(signal.SIGTERM)
        person.expect("error: the server has closed the connection")
        assert ended(person) == (1, True)
        ours.finish(within=5)


def test_a_person_waits_as_long_as_it_takes_and_is_told():
    with server("silent") as faulty, terminal("echo-client", "--port", faulty.port) as person:
        person.expect(">>> ")
        person.sendline("hello")
        for least in (3, 6):  # longer than without a person
            person.expect(r"still waiting for the answer, (\d+) s; Ctrl-C to leave")
            assert int(person.match[1]) >= least
        person.sendintr()
        assert ended(person) == (130, True)


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
        args = ["--clients", "2", "--messages", "2000", "--wait", "1", "--port", faulty.port]
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
