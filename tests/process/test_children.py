"""Children of a server: reaped when they end, hidden from each other, ended when they stay."""

import multiprocessing
import os
import signal
import sys

import pytest

from procdemo.demo.settings import StartMethod
from procdemo.process.children import Children
from procdemo.process.exit_status import cause
from procdemo.process.selector_loop import SelectorLoop
from procdemo.servers.settings import ServerSettings


def leave(status):
    sys.exit(status)


def stay(gate):
    gate.recv_bytes()


def be_deaf(gate, ready):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready.send_bytes(b"!")
    gate.recv_bytes()


@pytest.fixture
def loop():
    loop = SelectorLoop()
    yield loop
    loop.close()


def test_a_child_is_reaped_the_moment_it_ends(loop, start_method):
    ended = []
    crew = Children(loop, lambda child: ended.append((child.name, child.exitcode)))
    context = ServerSettings(start_method=StartMethod(start_method)).context()
    crew.start(context.Process(target=leave, args=(3,), name="guest"))
    assert len(crew) == 1
    assert loop.wait_until(lambda: not len(crew), 10), "no other child has to be started for it"
    assert ended == [("guest", 3)]


def test_a_killed_child_is_known_by_its_signal(loop, start_method):
    causes = []
    crew = Children(loop, lambda child: causes.append(cause(child.exitcode)))
    context = ServerSettings(start_method=StartMethod(start_method)).context()
    gate, ours = context.Pipe()
    child = context.Process(target=stay, args=(gate,))
    crew.start(child)
    os.kill(child.pid, signal.SIGKILL)
    assert loop.wait_until(lambda: not len(crew), 10)
    assert causes == ["killed by SIGKILL"]
    gate.close()
    ours.close()


def test_children_are_hidden_from_multiprocessing_and_give_back_their_descriptors(loop):
    context = ServerSettings().context()
    crew = Children(loop, lambda _child: None)
    before = len(os.listdir("/proc/self/fd"))
    gates = [context.Pipe(duplex=False) for _ in range(5)]
    for theirs, _ours in gates:
        crew.start(context.Process(target=stay, args=(theirs,)))
    assert multiprocessing.active_children() == [], "or each start() would ask every one of them"
    for theirs, ours in gates:
        ours.send_bytes(b"go")
        theirs.close()
        ours.close()
    assert loop.wait_until(lambda: not len(crew), 10)
    assert len(os.listdir("/proc/self/fd")) == before


def test_who_stays_too_long_is_killed(loop):
    context = ServerSettings().context()
    ended = []
    crew = Children(loop, lambda child: ended.append(child.exitcode))
    gate, ours = context.Pipe()
    ready, says = context.Pipe(duplex=False)
    crew.start(context.Process(target=be_deaf, args=(gate, says)))
    ready.recv_bytes()
    assert crew.stop(grace=0.05) == 1
    assert ended == [-signal.SIGKILL]
    assert crew.stop(grace=5) == 0, "nobody is left"
    for end in (gate, ours, ready, says):
        end.close()


def test_kill_all_ends_all_without_running_the_loop(loop, start_method):
    exits, readable = [], []
    bell, rope = multiprocessing.Pipe()
    loop.add_reader(bell, lambda: readable.append(True))
    rope.send_bytes(b"!")
    context = ServerSettings(start_method=StartMethod(start_method)).context()
    children = Children(loop, exits.append)
    for _ in range(2):
        ours, theirs = context.Pipe()
        children.start(context.Process(target=stay, args=(theirs,)))
        theirs.close()
    children.kill_all()
    ours.close()
    assert [(exited.exitcode, exited.by) for exited in exits] == [(-signal.SIGKILL, "main")] * 2
    assert not len(children)
    assert not readable
    bell.close()
    rope.close()


def test_a_process_that_is_started_already_can_be_adopted(loop, start_method):
    exits = []
    process = multiprocessing.get_context(start_method).Process(target=leave, args=(3,), name="w")
    process.start()
    child = Children(loop, exits.append).adopt(process)
    assert loop.wait_until(lambda: exits, 10)
    assert exits == [(child.name, child.pid, 3, "")]


def test_a_cause_is_told_in_words():
    assert [cause(code) for code in (None, 0, 3, -9)] == [
        "exit status unknown",
        "exit status 0",
        "exit status 3",
        "killed by SIGKILL",
    ]
