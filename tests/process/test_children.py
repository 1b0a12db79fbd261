"""Child processes: reaped when they end, hidden from each other, killed when they stay too long."""

import multiprocessing
import os
import select
import signal
import sys

import pytest
from processes import gone
from waiting import wait_until

from procdemo.demo.events import Emitter
from procdemo.demo.settings import StartMethod
from procdemo.demo.story import sentence_of_exit
from procdemo.process.children import Children
from procdemo.process.exit_status import Exit, cause, report_exit
from procdemo.process.selector_loop import SelectorLoop
from procdemo.servers.settings import ServerSettings


def leave(status):
    sys.exit(status)


def stay(gate):
    gate.recv_bytes()


def ignore_sigterm(gate, ready):
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
    children = Children(loop, lambda child: ended.append((child.name, child.exitcode)))
    context = ServerSettings(start_method=StartMethod(start_method)).context()
    children.start(context.Process(target=leave, args=(3,), name="child-0"))
    assert len(children) == 1
    assert loop.wait_until(lambda: not len(children), 10), "no other child has to be started for it"
    assert ended == [("child-0", 3)]


def test_what_another_has_killed_was_not_killed_by_main(loop, start_method):
    ended = []
    children = Children(loop, ended.append)
    context = ServerSettings(start_method=StartMethod(start_method)).context()
    gates, started = [], []
    for _ in range(2):
        gates.append(context.Pipe())
        child = context.Process(target=stay, args=(gates[-1][0],))
        children.start(child)
        started.append(child.pid)
    os.kill(started[0], signal.SIGKILL)
    wait_until(lambda: gone(started[0]))
    children.kill_all()
    assert {exited.pid: exited.by for exited in ended} == {started[0]: "", started[1]: "main"}


def test_a_killed_child_is_known_by_its_signal(loop, start_method):
    causes = []
    children = Children(loop, lambda child: causes.append(cause(child.exitcode)))
    context = ServerSettings(start_method=StartMethod(start_method)).context()
    gate, ours = context.Pipe()
    child = context.Process(target=stay, args=(gate,))
    children.start(child)
    os.kill(child.pid, signal.SIGKILL)
    assert loop.wait_until(lambda: not len(children), 10)
    assert causes == ["killed by SIGKILL"]
    gate.close()
    ours.close()


def test_children_are_hidden_from_multiprocessing_and_give_back_their_descriptors(loop):
    context = ServerSettings(start_method=StartMethod.FORK).context()  # a fork server would stay
    children = Children(loop, lambda _child: None)
    before = len(os.listdir("/proc/self/fd"))
    gates = [context.Pipe(duplex=False) for _ in range(5)]
    for theirs, _ours in gates:
        children.start(context.Process(target=stay, args=(theirs,)))
    assert multiprocessing.active_children() == [], "or each start() would ask every one of them"
    for theirs, ours in gates:
        ours.send_bytes(b"go")
        theirs.close()
        ours.close()
    assert loop.wait_until(lambda: not len(children), 10)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_child_that_stays_too_long_is_killed_by_main(loop):
    context = ServerSettings().context()
    ended = []
    children = Children(loop, lambda child: ended.append((child.exitcode, child.by)))
    gate, ours = context.Pipe()
    ready, reports = context.Pipe(duplex=False)
    children.start(context.Process(target=ignore_sigterm, args=(gate, reports)))
    ready.recv_bytes()
    assert children.stop(grace=0.05) == 1
    assert ended == [(-signal.SIGKILL, "main")]
    assert children.stop(grace=5) == 0, "none is left"
    for end in (gate, ours, ready, reports):
        end.close()


def test_a_child_that_ended_before_it_was_killed_was_not_killed_by_main(loop):
    exits = []
    children = Children(loop, exits.append)
    child = children.start(ServerSettings().context().Process(target=leave, args=(3,), name="child-0"))
    sentinel = os.pidfd_open(child.pid)
    select.select([sentinel], [], [], 10)
    os.close(sentinel)
    child.kill()
    assert loop.wait_until(lambda: not len(children), 10)
    assert exits == [Exit("child-0", child.pid, 3, "")]


def test_the_end_of_a_process_has_a_sentence_for_each_way_to_end():
    events = []
    for exited in (Exit("a", 1, 0), Exit("b", 2, -9, "main"), Exit("c", 3, -9)):
        report_exit(Emitter(events.append), exited)
        report_exit(Emitter(events.append), exited, kind="client", clients=2)
    assert [sentence_of_exit(record[2]) for record in events] == [
        "exited",
        "client exited",
        "killed",
        "client killed",
        "died",
        "client died",
    ]


def test_kill_all_ends_all_without_running_the_loop(loop, start_method):
    exits, readable = [], []
    reader, writer = multiprocessing.Pipe()
    loop.add_reader(reader, lambda: readable.append(True))
    writer.send_bytes(b"!")
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
    reader.close()
    writer.close()


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
