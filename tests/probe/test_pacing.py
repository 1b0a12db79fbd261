"""How often it is looked: often enough, and never for more than its share of a CPU."""

from itertools import pairwise

import pytest

from procdemo.probe import pacing
from procdemo.probe.pacing import Pacing


@pytest.fixture
def clock(monkeypatch):
    """Return a list whose one item is the time."""
    now = [1000.0]
    monkeypatch.setattr(pacing.time, "monotonic", lambda: now[0])
    return now


def looks(clock, cost_s, seconds, *, threads=8, share=pacing._SHARE, slowest_s=pacing._LOOK_S):
    """Return the times of the looks of so many seconds, each of which takes `cost_s` of CPU time."""
    pace, times = Pacing(), []
    pace.share, pace.slowest_s = share, slowest_s
    end = clock[0] + seconds
    while pace.due_at < end:
        clock[0] = pace.due_at
        times.append(clock[0] - 1000)
        clock[0] += cost_s
        pace.note(clock[0], int(cost_s * 1e9), threads)
    return times


def test_it_looks_100_times_in_the_first_second_and_50_times_in_the_others(clock):
    times = looks(clock, 0.0001, 11)
    assert sum(time < 1 for time in times) == pytest.approx(100, abs=5)
    assert sum(time >= 1 for time in times) == pytest.approx(500, abs=15)


def test_in_a_long_run_it_may_look_less_often(clock):
    times = looks(clock, 0.0001, 60, slowest_s=0.1)
    assert sum(time < 1 for time in times) == pytest.approx(100, abs=5)
    assert sum(1 <= time < 4 for time in times) == pytest.approx(150, abs=5)
    assert sum(9 <= time < 11 for time in times) == pytest.approx(40, abs=3)
    assert sum(30 <= time < 60 for time in times) == pytest.approx(300, abs=10)


def test_the_pauses_differ_by_a_quarter(clock):
    times = [time for time in looks(clock, 0, 11) if time > 1]
    pauses = [b - a for a, b in pairwise(times)]
    assert 0.015 <= min(pauses) < 0.016
    assert 0.024 < max(pauses) <= 0.0251


@pytest.mark.parametrize("cost_s", [0.0001, 0.0005, 0.001, 0.01, 0.05])
def test_it_never_takes_three_percent_of_a_cpu(clock, cost_s):
    seconds = 60
    assert len(looks(clock, cost_s, seconds)) * cost_s / seconds < 0.03


def test_the_share_may_be_smaller(clock):
    assert len(looks(clock, 0.01, 60, share=0.01)) * 0.01 / 60 < 0.011


def test_one_very_expensive_look_does_not_stop_it_for_long(clock):
    pace = Pacing()
    pace.note(clock[0], 10**9, 1000)
    assert pace.due_at - clock[0] <= 2.5


def test_many_threads_are_reported_less_often_and_those_that_wait_are_left_out_at_times():
    few, many = Pacing(), Pacing()
    few.note(0, 0, 10)
    many.note(0, 0, 1000)
    assert few.report_every_ns < 1e9
    assert many.report_every_ns > 5e9
    assert few.skipped(1000) == 0
    assert many.skipped(0) == 0 < many.skipped(1000) <= 8
