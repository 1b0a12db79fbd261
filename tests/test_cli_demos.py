"""Every demo, whatever it shows: no warning, no survivor, no complaint about a reader that leaves."""

import os
import signal
import socket
import subprocess

import pytest
from harness import Command, run

from procdemo.syllabus import ROWS

SHORT = {
    "spawn": "--work 0",
    "echo-server": "--port 0 --clients 2 --stay 0",
    "pool-server": "--port 0 --clients 3 --stay 0",
    "prefork-server": "--port 0 --workers 2 --clients 3 --stay 0",
    "selector-server": "--port 0 --workers 2 --clients 3 --stay 0",
    "crawl-callback": "--max-pages 5",
    "prodcons": "--items 10 --work 0",
    "supervise": "--items 10 --work 0",
    "race": "",
    "gil": "--seconds 0.05",
    "lab": "own-memory",
}
LONG = {
    "spawn": "--work 60",
    "echo-server": "--port 0",
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
"""The event that says that all is made; elsewhere the first of a child says so."""


def long(name, start_method):
    """Start a demo that does not end by itself."""
    args = [name, "--json", *LONG[name].split()]
    return Command(*args, start_method=start_method, stdin=subprocess.PIPE)


each_staged = pytest.mark.parametrize("name", [row.name for row in ROWS if row.staged])


@each_staged
def test_g1_every_demo_is_clean_under_every_start_method(name, start_method):
    """Warnings about forks of threads and about open files are errors here."""
    result = run(name, "--json", *SHORT[name].split(), start_method=start_method).assert_clean(stderr_lines=0)
    assert result.summary["ok"] is True
    assert not result.named("error")
    assert not result.named("stderr")


@each_staged
def test_a7_no_demo_outlives_its_observer(name, start_method):
    with long(name, start_method) as command:
        # Killed while it makes a semaphore, multiprocessing leaves that one: wait until all is made.
        if name.endswith("-server"):
            port = command.wait_event("listening").data["port"]
            with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
                client.sendall(b"x")
                assert client.recv(1) == b"X"
        elif name in AT_WORK:
            command.wait_event(AT_WORK[name])
        else:
            command.wait_for(
                lambda: any(event.role[:4] in {"work", "cons", "chil"} for event in command.events)
            )
        assert command.descendants()
        command.signal(signal.SIGKILL)
        command.finish(within=1).assert_clean(-signal.SIGKILL)


@each_staged
def test_a10_no_demo_minds_a_reader_that_leaves(name):
    read, write = os.pipe()
    with Command(name, *SHORT[name].split(), stdout=write) as command:
        os.close(write)
        assert os.read(read, 1)
        os.close(read)
        command.finish(within=10).assert_clean(status=[0, 1, 141], stderr_lines=0)


@each_staged
def test_a4_ctrl_c_ends_every_demo(name, start_method):
    with long(name, start_method) as command:
        command.wait_for(lambda: len(command.events) > 1)
        command.signal_group(signal.SIGINT)
        command.finish(within=2).assert_clean(130, stderr_lines=0)
