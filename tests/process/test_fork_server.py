"""A fork server that was killed, or that could start no process: what becomes of its processes."""

import contextlib
import errno
import multiprocessing
import os
import signal
from multiprocessing import forkserver

import pytest
from processes import gone
from waiting import wait_until

from procdemo.process import fork_server, shortage
from procdemo.process.children import Children
from procdemo.process.early_death import allow_early_death
from procdemo.process.selector_loop import SelectorLoop

CONTEXT = multiprocessing.get_context("forkserver")


def do_nothing():
    """Be the target of a process."""


def stay(gate):
    gate.recv_bytes()


@pytest.fixture
def kill_server(monkeypatch):
    """Return a function that kills the fork server; multiprocessing notices it too late, as it may."""

    def kill():
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
        ensure = forkserver._forkserver.ensure_running
        calls = iter([lambda: None])

        def ensure_late():
            next(calls, ensure)()

        monkeypatch.setattr(forkserver._forkserver, "ensure_running", ensure_late)

    forkserver.ensure_running()
    assert fork_server.end_behind(EOFError()) is None
    return kill


@pytest.mark.usefixtures("kill_server")
def test_an_error_that_is_not_of_a_start_has_nothing_to_do_with_it():
    assert shortage.named(EOFError("of a pipe")) is None
    assert shortage.named(ConnectionResetError(errno.ECONNRESET, "by a client")) is None


def test_another_one_starts_the_next_process(kill_server):
    kill_server()
    process = CONTEXT.Process(target=do_nothing)
    allow_early_death(process)
    process.start()
    process.join()
    assert process.exitcode == 0
    process.close()


def test_a_start_that_fails_because_of_it_is_named(kill_server):
    kill_server()
    with pytest.raises(fork_server.GONE) as caught:
        CONTEXT.Process(target=do_nothing).start()
    named = shortage.named(caught.value)
    assert "the fork server, which starts the processes, was killed by SIGKILL" in str(named)
    assert named.exit_code == 1


def test_a_fork_server_that_could_start_no_process_is_a_lack_of_the_platform(monkeypatch, kill_server):
    kill_server()
    monkeypatch.setattr(fork_server, "exitcode", lambda: 1)
    process = CONTEXT.Process(target=do_nothing)
    allow_early_death(process)
    with pytest.raises(BlockingIOError) as caught:
        process.start()
    named = shortage.named(caught.value)
    assert named.exit_code == 3
    assert "start" in str(named)


def test_a_process_that_outlives_it_is_killed_as_its_end_is_reported(kill_server):
    loop, ended = SelectorLoop(), []
    children = Children(loop, ended.append)
    ours, theirs = CONTEXT.Pipe()
    child = children.start(CONTEXT.Process(target=stay, args=(theirs,), name="child-0"))
    kill_server()
    assert loop.wait_until(lambda: not len(children), 20)
    assert [(each.name, each.pid, each.exitcode) for each in ended] == [("child-0", child.pid, -9)]
    wait_until(lambda: gone(child.pid))
    with contextlib.suppress(ChildProcessError):  # whether it became a child of this process
        os.waitpid(child.pid, 0)
    loop.close()
    ours.close()
    theirs.close()
