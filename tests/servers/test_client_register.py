"""The register of scripted clients: one name for each client, in every process, and an order of leaving."""

import os
import time
from itertools import pairwise

import pytest

from procdemo.servers.client_register import ClientRegister, client_name
from procdemo.servers.settings import ServerSettings


@pytest.fixture
def register():
    return ClientRegister.with_clients(3)


def test_a_scripted_client_has_its_name_in_every_process(register):
    if (child := os.fork()) == 0:
        register.enter(2, 52462)
        os._exit(0)
    os.waitpid(child, 0)
    assert register.name("127.0.0.1", 52462) == "client-2 (port 52462)" == client_name(2, 52462)


def test_a_later_client_from_the_same_port_is_another_one(register):
    register.enter(0, 65535)
    assert register.name("10.0.0.1", 65535) == "client-0 (port 65535)"
    assert register.name("127.0.0.1", 65535) == "client (port 65535)"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_other_clients_of_this_host_have_their_port(register, host):
    for each in (register, ClientRegister()):
        assert each.name(host, 7) == "client (port 7)"


@pytest.mark.parametrize("host", ["127.0.0.2", "192.0.2.1", "2001:db8::1"])
def test_clients_of_other_addresses_have_them_too(host):
    assert ClientRegister().name(host, 7) == f"client ({host} port 7)"


def test_without_a_port_there_is_only_a_number():
    assert client_name(3, 0) == "client-3"


def test_clients_leave_one_after_the_other(register):
    turns = []
    for _ in range(3):
        before = time.monotonic()
        left = register.wait_for_turn(1.0, 0.4)
        turns.append((before + left, time.monotonic() + left))  # when it leaves: between these two
    for (earliest, _), (_, latest) in pairwise(turns):
        assert latest - earliest >= 0.4
    assert left >= 1.0


def test_a_client_that_was_killed_in_its_turn_keeps_no_other_waiting(register):
    import fcntl  # noqa: PLC0415

    if (child := os.fork()) == 0:
        fcntl.lockf(register._fd, fcntl.LOCK_EX)
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    assert register.wait_for_turn(0.5, 0.1) >= 0.5


def test_without_clients_there_is_no_turn():
    assert ClientRegister().wait_for_turn(0.25, 9.0) == 0.25


@pytest.mark.parametrize(
    ("settings", "apart"),
    [
        ({"clients": 3}, 0.4),
        ({"clients": 10}, 0.4),
        ({"clients": 40}, 0.1),  # the last leaves four seconds after the first
        ({"clients": 3, "stay": 0.5}, 0.1),
        ({"clients": 3, "stay": 0}, 0),
        ({"clients": 40, "apart": 0.4}, 0.4),
        ({"clients": 3, "apart": 0}, 0),
        ({}, 0.4),
    ],
)
def test_clients_leave_apart_unless_there_are_many(settings, apart):
    assert ServerSettings(**settings).seconds_apart == pytest.approx(apart)
