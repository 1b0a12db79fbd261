"""A: however a server or a batch command is ended, it ends in time, with its status, and leaves nothing.

Each case of a server must fail on the tutorial's. Those without a server (A4, A6 and A10 of the
batch commands) have no counterpart there.

A6 asks for Ctrl-C at several moments after the start. Here a moment is an event that can be
seen from outside, or a number of page faults, by which a process's progress can be told
without a clock.
"""

import os
import re
import select
import signal
import time
from pathlib import Path

import pytest
from clients import Client
from harness import Command
from oracle import is_free
from processes import tree
from selection import only, some, some_of
from servers import ALL_METHODS, Server, everywhere, must_fail, on_ours

GRACE_S = 0.2
END_S = GRACE_S + 1.0
"""A3, A4: how long an end may take."""
BATCH = {
    "spawn": ("spawn", "--children", "1", "--work", "60"),
    "prodcons": ("prodcons", "--items", "1000", "--work", "1"),
    "supervise": ("supervise", "--items", "1000", "--work", "1"),
}
each_batch = pytest.mark.parametrize("args", BATCH.values(), ids=BATCH)


def a1_sigterm_when_idle(server: Server) -> None:
    with server.start() as running:
        running.command.signal(signal.SIGTERM)
        running.command.finish(within=2).assert_clean(0, port=running.port)


def a3_sigterm_with_silent_clients(server: Server) -> None:
    with server.start(grace=GRACE_S) as running, running.clients(2) as clients:
        running.command.signal(signal.SIGTERM)
        running.command.finish(within=END_S).assert_clean(0)
        for client in clients:
            client.receive_end()
        assert is_free(running.port), "O6"


def a4_ctrl_c_when_idle(server: Server) -> None:
    with server.start(grace=GRACE_S) as running:
        running.command.signal_group(signal.SIGINT)
        running.command.finish(within=END_S).assert_clean(130, port=running.port)


def a4_ctrl_c_when_busy(server: Server) -> None:
    with server.start(grace=GRACE_S) as running, running.clients(3, served=False) as clients:
        clients[0].ask()
        clients[1].ask()
        running.command.signal_group(signal.SIGINT)
        running.command.finish(within=END_S).assert_clean(130)
        for client in clients:
            client.receive_end()


def a7_sigkill(server: Server) -> None:
    with server.start() as running, running.clients(1) as (client,):
        running.command.signal(signal.SIGKILL)
        running.command.finish(within=1).assert_clean(-signal.SIGKILL, port=running.port)
        client.receive_end()


def a10_a_reader_that_leaves(server: Server) -> None:
    """As ``| grep -m1 listening``: from then on nothing can be written."""
    read, write = os.pipe()
    with os.fdopen(read) as reader, server.command("--port", "0", stdout=write) as command:
        os.close(write)
        line = next(line for line in iter(reader.readline, "") if line.startswith("listening"))
        reader.close()
        with Client(int(line.split()[2])) as client:
            client.ask()
        command.finish(within=2.5).assert_clean([0, 141])


CASES = [
    a1_sigterm_when_idle,
    a3_sigterm_with_silent_clients,
    a4_ctrl_c_when_idle,
    a4_ctrl_c_when_busy,
    a7_sigkill,
    a10_a_reader_that_leaves,
]


@on_ours(*CASES, methods=ALL_METHODS)
def test_ours_ends_well(case, server):
    case(server)


@must_fail(
    (a1_sigterm_when_idle, everywhere("O2")),
    (a3_sigterm_with_silent_clients, everywhere("O2")),
    (a4_ctrl_c_when_idle, everywhere("(O2|HANG).*Traceback")),
    (a4_ctrl_c_when_busy, everywhere("(O2|HANG).*Traceback")),
    (a7_sigkill, everywhere("O3")),
    (a10_a_reader_that_leaves, everywhere("O9")),
)
@pytest.mark.thorough
def test_the_tutorial_does_not(case, server, reason):
    with pytest.raises(AssertionError, match=f"(?s){reason}"):
        case(server)


@on_ours(methods=ALL_METHODS)
def test_a7_sigkill_of_the_demos_main_process(server):
    """The demo's main process, not the command, dies: the command says so, and ends the rest."""
    with server.start() as running, running.clients(1) as (client,):
        os.kill(running.main, signal.SIGKILL)
        result = running.command.finish(within=3).assert_clean(1, port=running.port)
        client.receive_end()
        assert "SIGKILL" in result.summary["reason"]
        assert str(running.main) in result.summary["reason"]


# --- batch commands


@each_batch
def test_a4_ctrl_c_in_the_middle_of_a_batch(args, start_method):
    with Command(*args, "--json", start_method=start_method) as command:
        command.wait_event(lambda event: event.role not in {"main", "never-started"})
        command.signal_group(signal.SIGINT)
        command.finish(within=2).assert_clean(130, stderr_lines=0)


@pytest.mark.parametrize("form", some_of([[], ["--json"]]), ids=["screen", "json"])
@each_batch
def test_a10_head_minus_1(args, form, start_method):
    short = [*args[:-1], "0"]
    read, write = os.pipe()
    with Command(*short, *form, stdout=write, start_method=start_method) as command:
        os.close(write)
        with os.fdopen(read) as reader:
            assert reader.readline()
        command.finish(within=10).assert_clean([0, 141], stderr_lines=0)


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["screen", "json"])
@on_ours(methods=ALL_METHODS)
def test_a10_head_minus_1_of_a_server(server, form):
    read, write = os.pipe()
    args = ("--port", "0", "--clients", "2", "--stay", "0")
    with server.command(*args, *form, stdout=write) as command:
        os.close(write)
        with os.fdopen(read) as reader:
            assert reader.readline()
        command.finish(within=10).assert_clean([0, 141], stderr_lines=0)


# --- A6: at any moment


def status_of(command, field):
    for line in Path(f"/proc/{command.pid}/status").read_text("ascii", "replace").splitlines():
        if line.startswith(field):
            return line.partition(":")[2].strip()
    raise AssertionError(field)


def catches(command, signum):
    return int(status_of(command, "SigCgt"), 16) >> (signum - 1) & 1


def faults(command):
    """Return how many page faults a process has had so far."""
    return int(Path(f"/proc/{command.pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[7])


def depth(command):
    """Return how many generations there are under the command."""
    processes = tree(command.pid)

    def generation(pid):
        return 0 if pid == command.pid else 1 + generation(processes[pid].parent)

    return max(map(generation, processes), default=0)


def count(command):
    return len(tree(command.pid))


MOMENTS = {
    "at once": lambda _: True,
    "Python is there": lambda command: catches(command, signal.SIGINT),
    "it has a child": lambda command: count(command) >= 1,
    "it has two descendants": lambda command: count(command) >= 2,
    "it catches SIGTERM": lambda command: catches(command, signal.SIGTERM),
    "it has said something": lambda command: command.stdout,
    "it has a grandchild": lambda command: depth(command) >= 2,
    "two things have happened": lambda command: command.stdout.count("\n") > 2,
    "seven processes": lambda command: count(command) >= 7 or command.stdout.count("\n") > 9,
}
SOME = {"it has a child", "it has said something", "seven processes"}
HANDLED = list(MOMENTS)[2:]
"""From these on the command itself decides what Ctrl-C does."""

CLIENTS = ("--port", "0", "--stay", "60", "--grace", "0.2", "--clients")
COMMANDS = {
    **BATCH,
    "echo-server": ("echo-server", *CLIENTS, "4"),
    "selector-server": ("selector-server", "-n2", *CLIENTS, "2"),
    "prefork-server": ("prefork-server", "-n2", *CLIENTS, "2"),
    "pool-server": ("pool-server", "-n2", *CLIENTS, "2"),
}
EVENTS = [
    pytest.param(
        args,
        moment,
        id=f"{name}-{moment}",
        marks=[] if moment in SOME and place in some(len(COMMANDS), turn) else pytest.mark.thorough,
    )
    for turn, moment in enumerate(MOMENTS)
    for place, (name, args) in enumerate(COMMANDS.items())
]


# Or the interpreter begins with an import of its own, and goes on when Ctrl-C has interrupted it.
CALM = {"PYTHONWARNINGS": ""}
SWALLOWED = re.compile(r"Failed checking if argv\[0\] is an import path entry|Exception ignored in")
"""What the interpreter says when Ctrl-C comes where it cannot raise: while it looks at its arguments
(Modules/main.c), or in a callback of its own imports."""


def interrupt(command, moment):
    """Wait until `moment(command)` is true, without a pause in between; then press Ctrl-C."""
    poll = select.poll()
    poll.register(command._popen.stdout, select.POLLIN)
    while command.running and not moment(command):
        if poll.poll(0):
            command._speech.listen(0)
    command.signal_group(signal.SIGINT)


@pytest.mark.parametrize(("args", "moment"), EVENTS)
def test_a6_ctrl_c_at_an_event(args, moment, start_method):
    with Command(*args, "--json", start_method=start_method, env=CALM) as command:
        interrupt(command, MOMENTS[moment])
        result = finish(command)
    assert_interrupted(result, handled=moment in HANDLED)


def finish(command):
    """Return the result; if the interpreter has swallowed a Ctrl-C, press it again, as a person would."""
    pressed = time.monotonic()

    def ended():
        nonlocal pressed
        if command.running and SWALLOWED.search(command.stderr) and time.monotonic() > pressed + 0.5:
            command.signal_group(signal.SIGINT)
            pressed = time.monotonic()
        return not command.running

    command.wait_for(ended, limit=5, what="end")
    return command.finish(within=3)


def assert_interrupted(result, *, handled):
    if handled or (result.status == 130 and not SWALLOWED.search(result.stderr)):
        result.assert_clean(130, stderr_lines=0)
        return
    # No line of ours had run yet: what the interpreter says is its own, but no process is left.
    assert result.status in {-signal.SIGINT, 1, 130}, result.told()
    own = result.stderr.rstrip(": \n").endswith("KeyboardInterrupt") and "/procdemo/" not in result.stderr
    assert result.status != 1 or own or "Fatal Python error: init_" in result.stderr, result.told()
    assert not result.survivors
    assert not result.temporary


@pytest.mark.parametrize("name", only({"prodcons"}, COMMANDS))
def test_a6_ctrl_c_at_any_page_fault(name, start_method):
    """From the interpreter's first pages to the running demo."""
    args = COMMANDS[name]
    with Command(*args, "--json", start_method=start_method) as command:
        command.wait_for(lambda: command.stdout.count("\n") > 2)
        last = faults(command)
        command.signal_group(signal.SIGINT)
        command.finish(within=3)
    for number in range(8):
        with Command(*args, "--json", start_method=start_method, env=CALM) as command:
            interrupt(command, lambda command, at=last * (number + 0.5) / 8: faults(command) >= at)
            result = finish(command)
        assert_interrupted(result, handled=False)
