"""Functions that other threads want the main thread to call."""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from procdemo.process.selector_loop import SelectorLoop
from procdemo.process.self_pipe import SelfPipe


class ThreadCalls:
    """Calls, made in the order of `call_soon` by the thread that runs a loop.

    All calls that have gathered are made at once. If the loop went back to its wait after each of ten
    thousand calls, it would ask for the GIL ten thousand times, while as many threads ask for it, too.
    """

    def __init__(self, loop: SelectorLoop) -> None:
        """Make the calls in the thread that runs `loop`."""
        self._calls: deque[Callable[[], object]] = deque()
        self._pipe = SelfPipe(loop, self._run)

    def call_soon(self, function: Callable[..., object], *args: Any) -> None:
        """Have ``function(*args)`` called; from any thread, at any time. After `close` it is never called."""
        self._calls.append(partial(function, *args))
        self._pipe.wake()

    def _run(self) -> None:
        while self._calls:
            self._calls.popleft()()

    def close(self) -> None:
        """Make no more calls."""
        self._pipe.close()
