"""The limits of a client: which one is reached, and when."""

import socket

from procdemo.servers.limits import ClientLimits
from procdemo.servers.settings import ServerSettings

SETTINGS = ServerSettings(idle_timeout=5, total_timeout=12, max_bytes=10)


def test_progress_puts_off_the_idle_limit_but_not_the_total_limit():
    limits = ClientLimits(SETTINGS, 100.0)
    assert limits.deadline == 105.0
    assert limits.over_time(104.9) == ""
    assert limits.over_time(105.0) == "over --idle-timeout"
    limits.progress_at = 110.0
    assert limits.deadline == 112.0
    assert limits.over_time(111.9) == ""
    assert limits.over_time(112.0) == "over --total-timeout"


def test_at_its_deadline_a_limit_is_reached():
    for since in (0.1, 1e6 / 3, 12345.678):
        limits = ClientLimits(ServerSettings(idle_timeout=0.1, total_timeout=0.3), since)
        assert limits.over_time(limits.deadline) == "over --idle-timeout"
        limits.progress_at = since + 0.25
        assert limits.over_time(limits.deadline) == "over --total-timeout"


def test_one_byte_more_than_allowed_is_refused_with_a_reason():
    limits = ClientLimits(SETTINGS, 0.0)
    assert limits.accept_bytes(4)
    assert limits.accept_bytes(6)
    assert not limits.accept_bytes(1)
    assert limits.received == 11
    server, client = socket.socketpair()
    with server, client:
        assert limits.say_too_many_bytes(server) == "more than --max-bytes"
        assert client.recv(100) == b"procdemo: more than 10 bytes (--max-bytes)\n"
        assert client.recv(1) == b""
