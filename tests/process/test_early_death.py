"""A process that is killed before it has read what it is to do is started, and has ended."""

import multiprocessing
import os
import signal
from multiprocessing import forkserver, util

import pytest
from processes import gone, processes
from waiting import wait_until

from procdemo.process.early_death import allow_early_death


def never_called():
    """Be the target of a process that is killed before it has read this."""


def killed(pid):
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: gone(pid))
    return pid


@pytest.fixture
def killing(monkeypatch):
    """Have each process that multiprocessing spawns, or has forked, killed before it is sent anything."""
    spawn, connect = util.spawnv_passfds, forkserver.connect_to_new_process

    def forked_and_killed(fds):
        ends = connect(fds)
        server = forkserver._forkserver._forkserver_pid
        killed(wait_until(lambda: next((p for p, found in processes().items() if found.parent == server), 0)))
        return ends

    def spawned_and_killed(path, args, fds):
        """Kill the process, and close the reading end of its pipe, as newer versions of Python do."""
        pid = killed(spawn(path, args, fds))
        os.dup2(null, fds[-2])
        return pid

    context = multiprocessing.get_context("forkserver")
    forkserver.ensure_running()
    with open(os.devnull, "rb") as file:
        null = file.fileno()
        monkeypatch.setattr(util, "spawnv_passfds", spawned_and_killed)
        monkeypatch.setattr(forkserver, "connect_to_new_process", forked_and_killed)
        yield context


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.usefixtures("killing")
def test_it_can_be_joined_and_has_its_exit_status(method):
    process = multiprocessing.get_context(method).Process(target=never_called)
    allow_early_death(process)
    process.start()
    assert process.pid not in {None, os.getpid()}
    process.join()
    assert process.exitcode == -signal.SIGKILL
    process.close()


def test_a_process_that_lives_is_started_as_always(start_method):
    process = multiprocessing.get_context(start_method).Process(target=never_called)
    allow_early_death(process)
    process.start()
    process.join()
    assert process.exitcode == 0
    process.close()
