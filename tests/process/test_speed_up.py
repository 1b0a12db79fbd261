"""Which way is faster: the ranges of its rounds say so, or that it is not clear."""

import pytest

from procdemo.process.speed_up import UNCLEAR, in_words


@pytest.mark.parametrize(
    ("threads", "processes", "verdict"),
    [
        ([1.0, 1.1], [0.5, 0.6], "processes are faster"),
        ([0.2, 0.3], [0.5, 0.6], "threads and processes are faster"),
        ([1.0, 1.1], [0.9, 1.3], "neither threads nor processes are faster"),
        ([1.0, 1.1], [0.5, 0.8], UNCLEAR),  # one of its rounds was not faster
        ([0.7, 0.8], [0.5, 0.6], UNCLEAR),
    ],
)
def test_the_verdict_hangs_on_the_ranges(threads, processes, verdict):
    assert in_words([1.0, 1.05, 1.1], {"threads": threads, "processes": processes}) == verdict
