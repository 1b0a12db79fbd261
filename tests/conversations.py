"""Servers to talk to, and how to talk to them with echo-client."""

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

from harness import Command, run

TESTS = Path(__file__).parent
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
