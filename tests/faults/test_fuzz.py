"""Clients and workers do anything in any order; a server goes on, and nobody gets a wrong byte.

A state machine (hypothesis): clients connect, send, half-close, reset, leave; workers are killed,
stopped, continued. What a client hears is always the beginning of what it must hear; at the end an
honest client is served, and the server drains and leaves nothing.
"""

import contextlib
import os
import signal

import pytest
from clients import Client
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule, run_state_machine_as_test
from servers import OURS, Server

CLIENTS = 12  # at most: none may be refused
BITS = st.sampled_from([b"a", b"hello", b"\r\n", b"\xff\xfe\x00", b"\x1b[2J", b"x" * 70_000])


class Talk:
    """A client, and what it must hear."""

    def __init__(self, port):
        self.client = Client(port)
        self.expected = b""
        self.heard = b""
        self.client.sock.setblocking(False)

    def say(self, data):
        with contextlib.suppress(OSError):  # its worker may be dead, stopped, or busy with another
            self.expected += data[: self.client.sock.send(data)].upper()

    def listen(self):
        """Check what has arrived so far."""
        with contextlib.suppress(OSError):
            while piece := self.client.sock.recv(1 << 16):
                self.heard += piece
        assert self.expected.startswith(self.heard), (
            f"heard {self.heard[-80:]!r}, expected {self.expected[-80:]!r}"
        )


class Anything(RuleBasedStateMachine):
    """What can happen to a server."""

    server: Server
    talks = Bundle("talks")

    def __init__(self):
        super().__init__()
        self._stack = contextlib.ExitStack()
        self.running = self._stack.enter_context(self.server.start("--max-connections", "100"))
        self.there = []
        self.stopped = []

    @rule(target=talks)
    def connect(self):
        if len(self.there) >= CLIENTS:
            self.there.pop(0).client.sock.close()
        talk = Talk(self.running.port)
        self.there.append(talk)
        return talk

    @rule(talk=talks, data=BITS)
    def say(self, talk, data):
        talk.say(data)

    @rule(talk=talks)
    def listen(self, talk):
        talk.listen()

    @rule(talk=talks)
    def say_no_more(self, talk):
        with contextlib.suppress(OSError):
            talk.client.finish()

    @rule(talk=consumes(talks))
    def leave(self, talk):
        talk.client.sock.close()

    @rule(talk=consumes(talks))
    def leave_rudely(self, talk):
        with contextlib.suppress(OSError):
            talk.client.reset()

    @rule(number=st.integers(0, 9))
    def kill(self, number):
        self._signal(number, signal.SIGKILL)

    @rule(number=st.integers(0, 9))
    def stop(self, number):
        self.stopped += self._signal(number, signal.SIGSTOP)

    @rule()
    def go_on(self):
        for pid in self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.stopped = []

    def _signal(self, number, signum):
        workers = [] if self.running.alone else self.running.workers()
        if not workers:
            return []
        pid = workers[number % len(workers)]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)
        return [pid]

    def teardown(self):
        with self._stack:
            self.go_on()
            for talk in self.there:
                talk.listen()
                talk.client.sock.close()
            self.running.echo(within=5)
            self.running.check()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", OURS)
def test_anything_in_any_order(name):
    machine = type(f"Anything({name})", (Anything,), {"server": Server(name, "fork")})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=6, stateful_step_count=30, deadline=None, derandomize=True)
    )
