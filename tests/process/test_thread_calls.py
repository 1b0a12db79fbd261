"""Calls that other threads want: made by the thread that runs the loop, in order, all at once."""

import threading

from procdemo.process.selector_loop import SelectorLoop
from procdemo.process.thread_calls import ThreadCalls


def test_calls_are_made_by_the_thread_that_waits_in_the_order_of_each_thread():
    loop, done = SelectorLoop(), []
    calls = ThreadCalls(loop)

    def add_calls(name):
        for number in range(500):
            calls.call_soon(lambda number=number: done.append((name, number, threading.get_ident())))

    threads = [threading.Thread(target=add_calls, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    while len(done) < 2_000:
        loop.run_once(5.0)
    for thread in threads:
        thread.join()
    assert {ident for *_, ident in done} == {threading.get_ident()}
    for name in "abcd":
        assert [number for thread, number, _ in done if thread == name] == list(range(500))
    calls.close()
    loop.close()


def test_calls_that_have_gathered_are_made_at_once():
    loop, done = SelectorLoop(), []
    calls = ThreadCalls(loop)
    for number in range(1_000):
        calls.call_soon(done.append, number)
    loop.run_once(5.0)
    assert done == list(range(1_000))
    calls.close()
    loop.close()


def test_a_call_that_comes_too_late_is_no_error_and_is_not_made():
    loop, done = SelectorLoop(), []
    calls = ThreadCalls(loop)
    calls.close()
    calls.call_soon(done.append, 1)
    loop.run_once(0)
    assert not done
    loop.close()
