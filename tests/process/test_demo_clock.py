"""The clock of a demo that can be paused."""

import multiprocessing
import os
import pickle
import select
import socket
import time

import pytest

from procdemo.process.demo_clock import DemoClock
from procdemo.process.receiving import receive


def kernel_s():
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def let_pass(seconds):
    select.select([], [], [], seconds)


@pytest.fixture
def clock():
    clock = DemoClock().use()
    yield clock
    clock.give_back()


def test_it_is_the_usual_clock_as_long_as_nothing_is_paused(clock):
    before, now, after = kernel_s(), time.monotonic(), kernel_s()
    assert before <= now <= after
    assert before <= time.monotonic_ns() / 1e9


def test_it_stands_still_in_a_pause_and_leaves_it_out(clock):
    clock.hold()
    held = time.monotonic_ns()
    let_pass(0.02)
    clock.hold()
    assert time.monotonic_ns() == held
    before = kernel_s()
    stood = clock.go_on()
    assert stood >= 0.02
    now = time.monotonic()
    assert max(held / 1e9, before - stood) - 1e-6 <= now <= kernel_s() - stood + 1e-6
    clock.hold()
    assert clock.go_on() >= 0
    assert clock.monotonic_ns() >= held


def test_the_process_that_pauses_the_others_can_sleep_meanwhile(clock):
    clock.hold()
    before = kernel_s()
    time.sleep(0.01)  # noqa: TID251 - what is tested
    assert kernel_s() - before >= 0.01
    clock.go_on()


def test_without_a_pause_going_on_does_nothing(clock):
    assert clock.go_on() == 0


def test_it_gives_time_its_own_functions_back():
    usual = dict(vars(time))
    clock = DemoClock().use()
    changed = {name for name, value in vars(time).items() if usual[name] is not value}
    assert changed == {"monotonic", "monotonic_ns", "sleep"}
    clock.give_back()
    assert vars(time) == usual


def test_its_functions_can_be_sent_to_where_there_is_no_such_clock(clock):
    """As ``gil --work wait`` sends `time.sleep` to processes and interpreters."""
    for name in ("monotonic", "monotonic_ns", "sleep"):
        sent = pickle.dumps(getattr(time, name))
        clock.give_back()
        assert pickle.loads(sent) is getattr(time, name)
        clock.use()
        assert pickle.loads(sent) is getattr(time, name)


def test_a_pause_between_two_looks_is_noticed(clock, monkeypatch):
    """A process is stopped when it has read how long the demo was paused, before it asks the kernel."""
    now = iter([100, 105])
    page = clock._page

    def stopped_meanwhile():
        if (at := next(now)) == 105:
            return at
        page[0] = 5  # the pause, as the command writes it
        return 105

    monkeypatch.setattr("procdemo.process.demo_clock._now_ns", stopped_meanwhile)
    assert clock.monotonic_ns() == 100


def read_elsewhere(clock, pipe):
    clock.use()
    pipe.send(time.monotonic_ns())
    pipe.recv()
    pipe.send(time.monotonic_ns())


@pytest.mark.core
def test_each_process_has_the_same(start_method):
    clock = DemoClock()
    here, there = multiprocessing.get_context(start_method).Pipe()
    context = multiprocessing.get_context(start_method)
    process = context.Process(target=read_elsewhere, args=(clock, there))
    process.start()
    running = here.recv()
    assert clock.monotonic_ns() > running
    clock.hold()
    here.send(None)
    assert here.recv() == clock.monotonic_ns() > running
    process.join()


class Slow:
    """A connection from which nothing comes until the clock has gone on three times."""

    def __init__(self, clock):
        self.clock, self.timeouts, self._timeout = clock, [], 1.0

    def gettimeout(self):
        return self._timeout

    def settimeout(self, seconds):
        self._timeout = seconds
        self.timeouts.append(seconds)

    def recv(self, most):
        if len(self.timeouts) == 2:
            return b"came"[:most]
        self.clock._page[0] += 10**9  # nothing has come for a second, all of which was a pause
        raise TimeoutError


def test_a_time_out_of_a_socket_does_not_count_a_pause(clock):
    slow = Slow(clock)
    assert receive(slow, 9) == b"came"
    assert slow.timeouts[-1] == slow.gettimeout() == 1.0
    assert all(seconds > 1 for seconds in slow.timeouts[:2])


def test_a_time_out_of_a_socket_is_one():
    one, other = socket.socketpair()
    one.settimeout(0.01)
    with one, other:
        with pytest.raises(TimeoutError):
            receive(one, 9)
        assert one.gettimeout() == 0.01
        other.send(os.urandom(4))
        assert len(receive(one, 9)) == 4
