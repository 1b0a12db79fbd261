"""What other threads leave for the main thread to do, which waits with a lookout."""

import contextlib
import os
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from procdemo.lookout import Lookout


class Errands:
    """Calls in the order in which they were left, made by the thread that waits."""

    def __init__(self, lookout: Lookout) -> None:
        """Be heard by whoever waits with `lookout`."""
        self._calls: deque[Callable[[], object]] = deque()
        self._bell, self._rope = os.pipe()
        os.set_blocking(self._bell, False)
        os.set_blocking(self._rope, False)
        lookout.watch(self._bell, self._run)

    def leave(self, act: Callable[..., object], *args: Any) -> None:
        """Have ``act(*args)`` called; from any thread, at any time."""
        self._calls.append(partial(act, *args))
        with contextlib.suppress(BlockingIOError):  # it rings already
            os.write(self._rope, b"!")

    def _run(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._bell, 4096)
        while self._calls:
            self._calls.popleft()()
