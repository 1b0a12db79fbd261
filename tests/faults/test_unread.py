"""No program reads what the command writes: no worker is killed for waiting, and the command can be ended.

The reader of a pipe may stop reading and stay (``| less``, a stopped ``grep``). Then the command waits
in its write, the event pipe fills, and each process of the demo waits in its own.
"""

import contextlib
import os
import re
import select
import signal
import threading
from pathlib import Path

import pytest
from clients import Client
from harness import Command
from processes import tree, waits_in
from servers import WORKERS, on_ours
from waiting import wait_until

HEARTBEAT_S = 0.5
PIECE = b"x" * 900


class Reader:
    """Reads the output of a command by hand."""

    def __init__(self, fd):
        self._fd = fd
        self.said = b""
        self._thread = threading.Thread(target=self._read_on)

    def wait_for(self, pattern):
        """Read as far as there is `pattern`, and no further; return its only group that matched."""
        while not (match := re.search(pattern, self.said, re.MULTILINE)):
            piece = os.read(self._fd, 512)
            assert piece, f"{pattern} was never said: {self.said!r}"
            self.said += piece
        return int(next(filter(None, match.groups())))

    def read_on(self):
        """Read everything from now on."""
        self._thread.start()

    def _read_on(self):
        while piece := os.read(self._fd, 1 << 16):
            self.said += piece

    def close(self):
        """Read to the end."""
        self._thread.join()


@contextlib.contextmanager
def unread(start):
    """Run a command with a pipe as its stdout that is not read."""
    read, write = os.pipe()
    try:
        with start(write) as command:
            os.close(write)
            yield command, Reader(read)
    finally:
        os.close(read)


def stuck(*pids):
    return all("pipe_write" in waits_in(pid) for pid in pids)


def turns(pid):
    """Return how often the main thread of a process has had a CPU (proc(5), schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[2])


def send_until(done, clients):
    """Have `clients` send one piece after the other; return how many bytes each has yet to receive."""
    owed = dict.fromkeys(clients, 0)
    by_socket = {client.sock: client for client in clients}
    while not done():
        for sock in select.select([], [client.sock for client in clients if not owed[client]], [], 0)[1]:
            by_socket[sock].send(PIECE)
            owed[by_socket[sock]] = len(PIECE)
        for sock in select.select(list(by_socket), [], [], 0.02)[0]:
            owed[by_socket[sock]] -= len(sock.recv(owed[by_socket[sock]]))
    return owed


@pytest.mark.parametrize("view", ["-vv", "--json"])
@on_ours(names=("prefork-server", "selector-server"))
def test_workers_whose_events_are_not_read_are_not_stuck(server, view):
    count = 1 if server.many_at_once else WORKERS  # of several, one might get all the clients
    args = ("-v", view, "--port", "0", "--workers", str(count), f"--heartbeat={HEARTBEAT_S}", "--grace=0.2")
    with unread(lambda write: server.command(*args, stdout=write)) as (command, reader):
        main = reader.wait_for(rb'^main process (\d+)|"pid":(\d+)')
        port = reader.wait_for(rb'^listening \S+ (\d+)|"port":(\d+)},"time')
        workers = [pid for pid, process in tree(main).items() if process.parent == main]
        assert len(workers) == count
        with contextlib.ExitStack() as stack:
            clients = [
                stack.enter_context(Client(port)) for _ in range(8 if server.many_at_once else WORKERS)
            ]
            owed = send_until(lambda: stuck(command.pid, *workers), clients)
            command.pause(3 * HEARTBEAT_S)
            assert stuck(command.pid, *workers), "nothing was read meanwhile"
            reader.read_on()
            for client in clients:
                client.receive(owed[client], within=5)
                client.ask(within=5)
            assert {pid for pid, process in tree(main).items() if process.alive} == set(workers)
        command.signal(signal.SIGTERM)
        command.finish(within=3).assert_clean(0)
        reader.close()
    assert not re.search(rb"no pulse|no sign of life|SIGKILL|is lost", reader.said)
    assert b'"name":"summary"' in reader.said or b"\nok: " in reader.said


FLOOD = ("prodcons", "--items", "100000", "--work", "0", "-vv")


def fill(write):
    """Leave no room in a pipe."""
    os.set_blocking(write, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write, b" " * 512)
    os.set_blocking(write, True)


@pytest.mark.parametrize(
    ("args", "signals", "status"),
    [
        (FLOOD, [signal.SIGINT, signal.SIGTERM], 130),
        ((*FLOOD, "--json"), [signal.SIGHUP, signal.SIGINT], 129),
        (("spawn", "--work", "60"), [signal.SIGINT, signal.SIGTERM], 130),
        (("prefork-server", "--port", "0", "--json", "--grace", "0"), [signal.SIGTERM], 143),
    ],
    ids=["two signals", "two signals in json", "nothing was ever read", "one signal"],
)
def test_it_ends_although_its_output_is_not_read(args, signals, status):
    """A signal is a second request to stop if it comes a tenth of a second after the first, or later."""

    def start(write):
        if args[0] != FLOOD[0]:
            fill(write)
        return Command(*args, stdout=write)

    with unread(start) as (command, _):
        wait_until(lambda: stuck(command.pid), what="the command waits for its reader")
        first, *second = signals
        before = turns(command.pid)
        command.signal(first)
        wait_until(lambda: turns(command.pid) > before and stuck(command.pid), what="it has heard that")
        for signum in second:
            command.pause(0.2)
            command.signal(signum)
        command.finish(within=6).assert_clean(status, stderr_lines=0)


def test_what_was_read_late_is_whole():
    """A reader that reads on in time gets everything to the last line."""
    with unread(lambda write: Command(*FLOOD, "--json", stdout=write)) as (command, reader):
        wait_until(lambda: stuck(command.pid), what="the command waits for its reader")
        command.signal(signal.SIGINT)
        reader.read_on()
        command.finish(within=6).assert_clean(130)
        reader.close()
    assert b'"name":"summary"' in reader.said.splitlines()[-1]
