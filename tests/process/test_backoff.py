"""The pause doubles once for each round that fails, and ends when a new process works."""

import time

from procdemo.process.backoff import Backoff


def fail(backoff):
    """Report the failure of a process that was started just now, after the last pause began."""
    return backoff.begin_pause(time.monotonic())


def test_it_doubles_from_a_twentieth_of_a_second_to_two_seconds():
    backoff = Backoff()
    assert backoff.over
    pauses = []
    for _ in range(8):
        assert fail(backoff)
        pauses.append(backoff.pause)
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert not backoff.over


def test_many_deaths_in_one_round_make_one_pause():
    backoff, born = Backoff(), time.monotonic()
    assert backoff.begin_pause(born)
    assert not any(backoff.begin_pause(born) for _ in range(100))
    assert backoff.pause == 0.05


def test_only_a_new_process_proves_that_all_is_well():
    backoff, old = Backoff(), time.monotonic()
    fail(backoff)
    fail(backoff)
    backoff.reset(old)
    assert backoff.pause == 0.1
    backoff.reset(time.monotonic())
    assert backoff.pause == 0
    fail(backoff)
    assert backoff.pause == 0.05
