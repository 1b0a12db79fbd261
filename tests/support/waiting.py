"""Waiting, with a time limit, for what no event announces."""

import select
import time
from collections.abc import Callable, Sequence
from typing import Any


def wait_until(condition: Callable[[], Any], limit: float = 10.0, what: str = "the condition") -> Any:
    """Call `condition` until its value is true, and return that; fail after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {limit} s")
        select.select([], [], [], 0.005)
    return value


def ended(pidfds: Sequence[int], within: float) -> bool:
    """Wait until all these processes have ended; return whether they have, within `within` seconds."""
    deadline = time.monotonic() + within
    for pidfd in pidfds:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            return False
    return True
