"""Waits that have an end, for what nobody announces."""

import select
import time
from collections.abc import Callable, Sequence
from typing import Any


def wait_until(condition: Callable[[], Any], limit: float = 10.0, what: str = "the condition") -> Any:
    """Return the first true value of `condition`, asked again and again; fail after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {limit} s")
        select.select([], [], [], 0.005)
    return value


def ended(pidfds: Sequence[int], within: float) -> bool:
    """Wait until each of these processes has ended; return whether they did in time."""
    deadline = time.monotonic() + within
    for pidfd in pidfds:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
            return False
    return True
