"""Which processes belong to a demo, as the guardian sees them from outside."""

import contextlib
import os
import signal

import pytest
from waiting import wait_until

from procdemo.process import marked_processes, procfs
from procdemo.process.marked_processes import MarkedProcesses


@pytest.fixture
def leader():
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        while True:
            signal.pause()
    wait_until(lambda: os.getpgid(pid) == pid)
    yield pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_group_is_known_by_its_leader_not_by_its_number(leader):
    group = MarkedProcesses(b"no such mark")
    group.set_leader(leader)
    assert [pid for pid, _ in group._members()] == [leader]
    group = MarkedProcesses(b"no such mark")
    group.set_leader(leader)
    group._leader_start -= 1  # as if the number had been another leader's
    assert group._members() == []


def test_without_proc_the_group_is_killed(leader, monkeypatch):
    """On macOS; what has left the group stays."""
    monkeypatch.setattr(marked_processes.procfs, "processes", lambda: iter(()))
    group = MarkedProcesses(b"no such mark")
    group.set_leader(leader)
    group.end()
    wait_until(lambda: (found := procfs.stat(leader)) and not found.alive, what="its end")
