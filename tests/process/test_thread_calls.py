"""Errands: left by any thread, done by the one that waits, in order, and all that there are at once."""

import threading

from procdemo.process.selector_loop import SelectorLoop
from procdemo.process.thread_calls import ThreadCalls


def test_they_are_done_by_the_thread_that_waits_in_the_order_of_each_who_left_them():
    loop, done = SelectorLoop(), []
    errands = ThreadCalls(loop)

    def leave(name):
        for number in range(500):
            errands.call_soon(lambda number=number: done.append((name, number, threading.get_ident())))

    threads = [threading.Thread(target=leave, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    while len(done) < 2_000:
        loop.run_once(5.0)
    for thread in threads:
        thread.join()
    assert {ident for *_, ident in done} == {threading.get_ident()}
    for name in "abcd":
        assert [number for who, number, _ in done if who == name] == list(range(500))
    errands.close()
    loop.close()


def test_those_that_have_gathered_are_done_in_one_go():
    loop, done = SelectorLoop(), []
    errands = ThreadCalls(loop)
    for number in range(1_000):
        errands.call_soon(done.append, number)
    loop.run_once(5.0)
    assert done == list(range(1_000))
    errands.close()
    loop.close()


def test_what_is_left_too_late_is_no_error_and_is_not_done():
    loop, done = SelectorLoop(), []
    errands = ThreadCalls(loop)
    errands.close()
    errands.call_soon(done.append, 1)
    loop.run_once(0)
    assert not done
    loop.close()
