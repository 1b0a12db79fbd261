"""A11: signals that mean nothing to a server, at any of its processes, disturb no client."""

import contextlib
import os
import random
import signal

import pytest
from servers import ALL_METHODS, Server, everywhere, must_fail, on_ours

MEANINGLESS = [
    signal.SIGWINCH,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCHLD,
    signal.SIGPIPE,
    signal.SIGCONT,
]


def a11_two_hundred_signals(server: Server) -> None:
    chance = random.Random(11)
    with server.start() as running, running.clients(1) as (client,):
        targets = [running.command.pid, running.main, *running.workers()]
        for _ in range(200):
            with contextlib.suppress(ProcessLookupError):  # USR1 and USR2 may have ended a worker
                os.kill(chance.choice(targets), chance.choice(MEANINGLESS))
        client.ask(within=2)
        running.check()
        running.command.signal(signal.SIGTERM)
        running.command.finish(within=3).assert_clean(0, port=running.port)


@on_ours(methods=ALL_METHODS)
def test_a11_ours_goes_on(server):
    a11_two_hundred_signals(server)


@must_fail((a11_two_hundred_signals, everywhere("O9")))
@pytest.mark.thorough
def test_a11_the_tutorial_does_not(case, server, reason):
    with pytest.raises(AssertionError, match=reason):
        case(server)
