"""Wait for a few descriptors, whatever their numbers are."""

import contextlib
import math
import os
import resource
import socket

import pytest

from procdemo.process.readiness import wait_ready


@pytest.fixture
def ends():
    """Return the two ends of a pipe."""
    read, write = os.pipe()
    yield read, write
    for fd in (read, write):
        with contextlib.suppress(OSError):
            os.close(fd)


def test_what_can_be_read_is_returned(ends):
    read, write = ends
    assert wait_ready([read], 0) == []
    os.write(write, b"x")
    assert wait_ready([read], None) == wait_ready([read], math.inf) == wait_ready(iter([read]), 5) == [read]


def test_what_can_be_written_is_returned(ends):
    _, write = ends
    assert wait_ready([], 0, writing=[write]) == [write]


def test_a_hang_up_is_ready(ends):
    read, write = ends
    os.close(write)
    assert wait_ready([read], None) == [read]


def test_reading_and_writing_of_one_socket_is_one_answer():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert wait_ready([ours], 0) == []
        assert wait_ready([ours], None, writing=[ours]) == [ours]
        theirs.send(b"x")
        assert wait_ready([ours], None, writing=[ours]) == [ours]


def test_a_regular_file_is_ready(tmp_path):
    """As stdin can be; epoll does not take it."""
    with open(tmp_path / "file", "w+") as file:
        assert wait_ready([file], 0) == [file]


def test_a_number_above_1023_is_no_error(ends):
    read, write = ends
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4000:
        pytest.skip("so many descriptors are not permitted here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4000), hard))
    try:
        high = os.dup2(read, 3999)
        os.write(write, b"x")
        assert wait_ready([high], 0) == [high]
        os.close(high)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_time_below_zero_is_none_left(ends):
    assert wait_ready([ends[0]], -1) == []
