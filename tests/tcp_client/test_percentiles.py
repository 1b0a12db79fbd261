"""Percentiles in bounded memory."""

import random
import sys

import pytest

from procdemo.tcp_client.percentiles import LatencyReservoir


def durations(*seconds):
    taken = LatencyReservoir()
    for one in seconds:
        taken.add(one)
    return taken


def test_nothing_has_no_percentile():
    assert durations().percentile_ms(50) is None


@pytest.mark.parametrize(("percent", "ms"), [(1, 1), (50, 50), (50.1, 51), (99, 99), (100, 100)])
def test_nearest_rank(percent, ms):
    numbers = [n / 1000 for n in range(1, 101)]
    random.shuffle(numbers)
    assert durations(*numbers).percentile_ms(percent) == ms


def test_one_is_all_percentiles():
    assert durations(0.0025).percentile_ms(0) == durations(0.0025).percentile_ms(99) == 2.5


def test_of_a_great_many_a_fair_sample_is_kept():
    taken = durations(*(n / 1e6 for n in range(300_000)))  # slower and slower
    assert taken.percentile_ms(50) == pytest.approx(150, rel=0.05)
    assert taken.percentile_ms(99) == pytest.approx(297, rel=0.05)
    assert sys.getsizeof(taken._kept) < 1 << 20
