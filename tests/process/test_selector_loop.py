"""The loop calls what is due, also while nothing can be read."""

import os
import time
from types import SimpleNamespace

import pytest

from procdemo.process import selector_loop
from procdemo.process.selector_loop import SelectorLoop


@pytest.fixture
def loop():
    loop = SelectorLoop()
    yield loop
    loop.close()


def test_what_is_due_ends_a_wait_that_has_no_limit(loop):
    calls = []
    before = time.monotonic()
    loop.call_later(0.02, lambda: calls.append(time.monotonic()))
    while not calls:
        loop.run_once(None)
    assert calls[0] >= before + 0.02


def test_each_call_comes_once_and_the_sooner_one_first(loop, monkeypatch):
    now, calls = [0.0], []
    monkeypatch.setattr(selector_loop, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for seconds in (2, 1, 0):
        loop.call_later(seconds, lambda seconds=seconds: calls.append(seconds))
    loop.run_once(0)
    assert calls == [0]
    now[0] = 3.0
    loop.run_once(0)
    loop.run_once(0)
    assert calls == [0, 1, 2]


def test_a_call_may_ask_for_the_next_one(loop):
    calls = []

    def call():
        calls.append(len(calls))
        if len(calls) < 3:
            loop.call_later(0.0, call)

    loop.call_later(0.0, call)
    assert loop.wait_until(lambda: len(calls) == 3, 10)


def test_what_can_be_read_does_not_wait_for_what_is_due(loop):
    read, write = os.pipe()
    calls = []
    loop.call_later(3600, lambda: calls.append("due"))
    loop.add_reader(read, lambda: calls.append("readable"))
    os.write(write, b"x")
    loop.run_once(None)
    assert calls == ["readable"]
    loop.remove_reader(read)
    os.close(read)
    os.close(write)
