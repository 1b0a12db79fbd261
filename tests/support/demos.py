"""For every demo that starts processes: options for a short run, and for one that does not end by itself."""

import socket
import subprocess

import pytest
from harness import Command
from selection import only

from procdemo.catalog import DEMOS

SHORT = {
    "spawn": "--work 0",
    "echo-server": "--port 0 --clients 2 --stay 0",
    "thread-server": "--port 0 --clients 2 --stay 0",
    "async-server": "--port 0 --clients 2 --stay 0",
    "pool-server": "--port 0 --clients 3 --stay 0",
    "prefork-server": "--port 0 --workers 2 --clients 3 --stay 0",
    "selector-server": "--port 0 --workers 2 --clients 3 --stay 0",
    "crawl-callback": "--max-pages 5",
    "prodcons": "--items 10 --work 0",
    "supervise": "--items 10 --work 0",
    "race": "",
    "gil": "--seconds 0.05 --work wait",
    "lab": "own-memory",
}
LONG = {
    "spawn": "--work 60",
    "echo-server": "--port 0",
    "thread-server": "--port 0",
    "async-server": "--port 0",
    "pool-server": "--port 0",
    "prefork-server": "--port 0 --workers 2",
    "selector-server": "--port 0 --workers 2",
    "crawl-callback": "--page-deadline 60",
    "prodcons": "--items 1000 --work 1",
    "supervise": "--items 1000 --work 1",
    "race": "--step",
    "gil": "--seconds 60 --work wait",
    "lab": "join-before-drain",
}
AT_WORK = {"race": "ask", "gil": "work", "lab": "script"}
"""By demo: the event after which all processes are made; for the others, it is the first event of a child."""


def long(name, start_method):
    """Start a demo that does not end by itself."""
    args = [name, "--json", *LONG[name].split()]
    return Command(*args, start_method=start_method, stdin=subprocess.PIPE)


def wait_until_all_is_made(name, command):
    """Wait until a long demo has made its processes and semaphores.

    If multiprocessing is killed while it makes a semaphore, that semaphore is left in /dev/shm.
    """
    if name.endswith("-server"):
        port = command.wait_event("listening").data["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"X"
    elif name in AT_WORK:
        command.wait_event(AT_WORK[name])
    else:
        command.wait_for(lambda: any(event.role[:4] in {"work", "cons", "chil"} for event in command.events))


CORE = {"prodcons"}
SOME = {"pool-server", "prodcons", "crawl-callback"}
each_demo_some_core = pytest.mark.parametrize(
    "name",
    [
        pytest.param(demo.name, marks=pytest.mark.core if demo.name in CORE else [])
        for demo in DEMOS
        if demo.starts_processes
    ],
)
"""Every demo that starts processes; ``make test`` runs some of them under every start method."""
some_demos = pytest.mark.parametrize(
    "name", only(SOME, (demo.name for demo in DEMOS if demo.starts_processes))
)
"""The same; ``make test`` runs only some of them: what is tested is done in one place for all demos."""
