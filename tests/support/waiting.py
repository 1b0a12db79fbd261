"""Waiting, with a time limit, for what no event announces."""

import select
from collections.abc import Callable, Sequence
from typing import Any

from time_limit import TimeLimit


def wait_until(condition: Callable[[], Any], limit: float = 10.0, what: str = "the condition") -> Any:
    """Call `condition` until its value is true, and return that; fail after `limit` seconds."""
    time_limit = TimeLimit(limit)
    while not (value := condition()):
        if time_limit.passed:
            raise AssertionError(f"{what} did not come true within {time_limit}")
        select.select([], [], [], 0.005)
    return value


def ended(pidfds: Sequence[int], within: float) -> bool:
    """Wait until all these processes have ended; return whether they have, within `within` seconds."""
    limit = TimeLimit(within)
    for pidfd in pidfds:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        while not poll.poll(limit.look_s * 1000):
            if limit.passed:
                return False
    return True
