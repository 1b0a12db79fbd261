"""Clients and workers do anything in any order; a server goes on, and no client gets a wrong byte.

A state machine (hypothesis): clients connect, send, half-close, reset, leave; workers are killed,
stopped, continued. What a client receives is always the beginning of what it must receive; at the end an
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


class Conversation:
    """A client, and what it must receive."""

    def __init__(self, port):
        self.client = Client(port)
        self.expected = b""
        self.received = b""
        self.client.sock.setblocking(False)

    def send(self, data):
        with contextlib.suppress(OSError):  # its worker may be dead, stopped, or busy with another
            self.expected += data[: self.client.sock.send(data)].upper()

    def receive(self):
        """Check what has arrived so far."""
        with contextlib.suppress(OSError):
            while piece := self.client.sock.recv(1 << 16):
                self.received += piece
        assert self.expected.startswith(self.received), (
            f"received {self.received[-80:]!r}, expected {self.expected[-80:]!r}"
        )


class Anything(RuleBasedStateMachine):
    """What can happen to a server."""

    server: Server
    conversations = Bundle("conversations")

    def __init__(self):
        super().__init__()
        self._stack = contextlib.ExitStack()
        self.running = self._stack.enter_context(self.server.start("--max-connections", "100"))
        self.connected = []
        self.stopped = []

    @rule(target=conversations)
    def connect(self):
        if len(self.connected) >= CLIENTS:
            self.connected.pop(0).client.sock.close()
        conversation = Conversation(self.running.port)
        self.connected.append(conversation)
        return conversation

    @rule(conversation=conversations, data=BITS)
    def send(self, conversation, data):
        conversation.send(data)

    @rule(conversation=conversations)
    def receive(self, conversation):
        conversation.receive()

    @rule(conversation=conversations)
    def end_one_half(self, conversation):
        with contextlib.suppress(OSError):
            conversation.client.finish()

    @rule(conversation=consumes(conversations))
    def close(self, conversation):
        conversation.client.sock.close()

    @rule(conversation=consumes(conversations))
    def reset(self, conversation):
        with contextlib.suppress(OSError):
            conversation.client.reset()

    @rule(number=st.integers(0, 9))
    def kill(self, number):
        self._signal(number, signal.SIGKILL)

    @rule(number=st.integers(0, 9))
    def stop(self, number):
        self.stopped += self._signal(number, signal.SIGSTOP)

    @rule()
    def continue_all(self):
        for pid in self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.stopped = []

    def _signal(self, number, signum):
        workers = [] if self.running.one_process else self.running.workers()
        if not workers:
            return []
        pid = workers[number % len(workers)]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)
        return [pid]

    def teardown(self):
        with self._stack:
            self.continue_all()
            for conversation in self.connected:
                conversation.receive()
                conversation.client.sock.close()
            self.running.echo(within=5)
            self.running.check()


@pytest.mark.thorough
@pytest.mark.parametrize("name", OURS)
def test_anything_in_any_order(name):
    machine = type(f"Anything({name})", (Anything,), {"server": Server(name, "fork")})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=6, stateful_step_count=30, deadline=None, derandomize=True)
    )
