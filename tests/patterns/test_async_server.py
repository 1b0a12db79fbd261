"""async-server: one thread for all clients; asyncio's loop, or uvloop's."""

import contextlib
import os
import signal
import sys

import pytest
from harness import Command, run
from servers import Server

SERVER = Server("async-server", "fork")
LOOPS = ("asyncio", "uvloop")
each_loop = pytest.mark.parametrize("loop", LOOPS)


@each_loop
def test_many_clients_share_one_thread_and_none_waits(loop):
    with SERVER.start("--loop", loop) as running, contextlib.ExitStack() as stack:
        before = len(os.listdir(f"/proc/{running.main}/task"))
        guests = []
        for _ in range(60):
            guests.append(stack.enter_context(running.client()))
            guests[-1].ask()
        for guest in reversed(guests):
            guest.ask()
        assert len(os.listdir(f"/proc/{running.main}/task")) == before
        assert running.workers() == [running.main]
        running.command.signal(signal.SIGTERM)
        summary = running.command.finish(within=3).assert_clean(0).summary
        assert (summary["most"], summary["cut_off"]) == (60, 60)


@each_loop
def test_a_half_closed_client_gets_its_whole_answer_however_slowly_it_reads(loop):
    with SERVER.start("--loop", loop) as running, running.client(receive_buffer=4096) as slow:
        assert slow.babble()
        slow.sock.settimeout(5)
        running.echo()
        slow.finish()
        answer = slow.hear_end(within=10)
        assert set(answer) == {ord("X")}
        served = running.command.wait_event(
            lambda event: event.name == "served" and event.data["client"] == slow.name
        )
        assert (served.data["bytes"], served.data["reason"]) == (len(answer), "client left")


@each_loop
def test_clients_that_never_read_cost_little_and_hold_up_nobody(loop):
    """O10: who does not take its answers is not read from any more."""
    with SERVER.start("--loop", loop) as running, running.clients(40) as deaf:
        before = running.memory()
        for _ in range(20):
            for client in deaf:
                assert client.babble()
            running.echo()
        assert running.memory() - before < 32
        for client in deaf:
            client.reset()
        running.check()


@each_loop
def test_silence_and_duration_have_a_limit_each(loop):
    limits = {"idle_timeout": 0.3, "total_timeout": 1.2}
    with SERVER.start("--loop", loop, **limits) as running, running.clients(1) as (silent,):
        silent.hear_end(within=2)
        told = running.command.wait_event("served").data
        assert (told["client"], told["reason"]) == (silent.name, "over --idle-timeout")
        with running.client() as talker:
            with contextlib.suppress(AssertionError):
                while True:
                    talker.ask(within=3)
            told = running.command.wait_event("served", nth=2).data
            assert (told["client"], told["reason"]) == (talker.name, "over --total-timeout")


@each_loop
def test_who_never_takes_the_last_answers_is_hung_up_on(loop):
    """Its half of the connection is closed, the answers cannot be sent: the limits hold here, too."""
    with (
        SERVER.start("--loop", loop, idle_timeout=0.5) as running,
        running.client(receive_buffer=4096) as deaf,
    ):
        assert deaf.babble()
        deaf.finish()
        assert running.command.wait_event("served").data["reason"] == "over --idle-timeout"


@each_loop
def test_more_than_max_bytes(loop):
    with SERVER.start("--loop", loop, "--max-bytes", "10") as running, running.client() as client:
        client.ask(b"0123456789")
        client.say(b"!")
        assert b"more than 10 bytes" in client.hear_end()


def test_without_uvloop_it_says_how_to_install_it():
    hide = "import sys; sys.modules['uvloop'] = None; from procdemo.__main__ import main; main()"
    with Command(
        "async-server", "--loop", "uvloop", "--port", "0", program=[sys.executable, "-c", hide]
    ) as command:
        result = command.finish(within=10).assert_clean(3, stderr_lines=2)
    assert "python -m pip install uvloop" in result.stderr


@each_loop
def test_a_scripted_lesson_ends_by_itself(loop):
    args = ["--port", "0", "--clients", "3", "--stay", "0.1", "--loop", loop]
    assert (
        "ok: 3 clients served by one thread" in run("async-server", *args, within=20).assert_clean(0).stdout
    )
