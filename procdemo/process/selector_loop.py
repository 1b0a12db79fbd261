"""Wait for many things at once: one loop, one thread, no polling."""

import math
import selectors
import time
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from procdemo.process.close_on_fork import CloseOnFork


class SelectorLoop:
    """Waits for many descriptors at once and calls a function for each that is readable.

    The names of the methods are asyncio's. Children made by fork close their copy at once.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._close_on_fork = CloseOnFork(self._selector)
        self._later: list[tuple[float, Callable[[], object]]] = []  # when (`time.monotonic`), and what

    def fileno(self) -> int:
        """Return a descriptor that is readable when one of ours is, for another loop (epoll, kqueue)."""
        number: int = self._selector.fileno()
        return number

    def add_reader(self, fileobj: Any, call: Callable[[], object]) -> None:
        """Call `call()` from now on whenever `fileobj` is readable while the loop waits."""
        self._selector.register(fileobj, selectors.EVENT_READ, call)

    def remove_reader(self, fileobj: Any) -> None:
        """Stop waiting for `fileobj`; to be called before it is closed."""
        self._selector.unregister(fileobj)

    def call_later(self, seconds: float, call: Callable[[], object]) -> None:
        """Call `call()` once, in so many seconds, or later if the loop does not run then."""
        self._later.append((time.monotonic() + seconds, call))

    def run_once(self, seconds: float | None) -> None:
        """Wait until something is readable, or due; call what belongs to it.

        Args:
            seconds: the longest wait; None or `math.inf`: for ever.
        """
        if self._later:
            left = max(min(due for due, _ in self._later) - time.monotonic(), 0)
            seconds = left if seconds is None else min(seconds, left)
        for key, _ in self._selector.select(None if seconds == math.inf else seconds):
            if self._selector.get_map().get(key.fd) is key:  # the call before may have removed it
                key.data()
        if self._later:
            now = time.monotonic()
            due = sorted((each for each in self._later if each[0] <= now), key=itemgetter(0))
            self._later = [each for each in self._later if each[0] > now]
            for _, call in due:
                call()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Run until `condition()` is true, for at most `seconds`; return whether it is."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.run_once(left)
        return True

    def close(self) -> None:
        """Close the selector; the loop cannot wait any more."""
        self._selector.close()
