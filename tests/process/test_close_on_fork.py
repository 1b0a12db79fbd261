"""What a forked child closes at once."""

import os
import socket

from procdemo.process.close_on_fork import CloseOnFork


def is_open_in_a_child(fd):
    pid = os.fork()
    if pid == 0:
        try:
            os.fstat(fd)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_members_are_closed_and_others_are_not():
    first, second = socket.socketpair()
    with first, second:
        members = CloseOnFork(first)
        assert not is_open_in_a_child(first.fileno())
        assert is_open_in_a_child(second.fileno())
        members.add(second)
        members.discard(first)
        assert is_open_in_a_child(first.fileno())
        assert not is_open_in_a_child(second.fileno())
        second.close()
        assert is_open_in_a_child(first.fileno()), "a member that is closed already is no error"
