"""Wait for a few descriptors, once; `selector_loop` is for many, again and again."""

import math
import select
from collections.abc import Iterable
from typing import Any


def wait_ready(reading: Iterable[Any], seconds: float | None, writing: Iterable[Any] = ()) -> list[Any]:
    """Wait until something is ready; return all that is, without an order. A hang-up counts as ready.

    `select.select` has no room for a descriptor above 1,023 (``FD_SETSIZE``, select(2)), and a program can be
    started with thousands open. Epoll does not take regular files. So this is `select.poll`.

    Args:
        reading: descriptors, or objects with ``fileno()``, that are to be read.
        seconds: the longest wait; None or `math.inf`: for ever.
        writing: the same, to be written.
    """
    poll = select.poll()
    by_number: dict[int, Any] = {}
    events: dict[int, int] = {}
    for members, event in ((reading, select.POLLIN), (writing, select.POLLOUT)):
        for member in members:
            fd = member if isinstance(member, int) else member.fileno()
            by_number[fd] = member
            events[fd] = events.get(fd, 0) | event
            poll.register(fd, events[fd])
    ready = poll.poll(None if seconds is None or seconds == math.inf else max(seconds, 0) * 1000)
    return [by_number[fd] for fd, _ in ready]
