"""Runs of echo-client with a server: one of ours, or one that fails as told."""

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

from harness import Command, run

FAULTY = [sys.executable, str(Path(__file__).with_name("faulty_server.py"))]
LOAD = ["--clients", "3", "--messages", "2", "--size", "5"]


@contextlib.contextmanager
def server(*behaviour):
    """Run a server that fails as told; yield it with its port."""
    with Command(*behaviour, program=FAULTY) as command:
        command.port = command.wait_line(r"^listening \S+ (\d+)$")[1]
        yield command


@contextlib.contextmanager
def echo_server(*options):
    """Run our own server; yield it with its port."""
    with Command("echo-server", "-q", "--port", "0", *options) as command:
        command.port = command.wait_line(r"^listening \S+ (\d+)$")[1]
        yield command


@contextlib.contextmanager
def no_server():
    """Yield an address of IPv4 on which no server listens; nor does one of another test, meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()


def ask(port, *words, stdin=None, **options):
    """Run the client with `words`, or with the bytes `stdin` in its pipe."""
    args = ["echo-client", "--port", str(port), "--", *words]
    if stdin is None:
        return run(*args, **options)
    with Command(*args, stdin=subprocess.PIPE, **options) as command:
        command.stdin.write(stdin)
        command.stdin.close()
        return command.finish()
