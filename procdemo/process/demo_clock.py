"""The clock of a demo that can be paused: the kernel's, less the time of all pauses.

A stopped process does not feel that it is stopped: a ``sleep(1)`` that was stopped for three seconds is over
when it goes on, and each deadline has passed. So in the command and in each process of such a demo, `time`
gets other functions `monotonic`, `monotonic_ns` and `sleep`. They read from a page that all these processes
share for how long the demo has been paused, and since when it is paused now: then the clock stands still.

What has a time limit of the kernel, as ``poll()`` has, is over at once after a pause. A caller that then asks
the clock how much time is left, and waits again, has lost nothing.
"""

import mmap
import time
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any, Self

from procdemo.process.nameless_memory import nameless_memory

_SIZE = 16  # bytes: two numbers, in nanoseconds
_PAUSED, _SINCE = 0, 1  # how long it has been paused; since when it is paused now, or 0
_FUNCTIONS = ("monotonic", "monotonic_ns", "sleep")
_now_ns = time.monotonic_ns  # of the kernel
_sleep = time.sleep  # noqa: TID251 - as above; it is called for those who may


class DemoClock:
    """The clock of all processes of a demo, and of the command; a child can get it when it is started."""

    def __init__(self, fd: int | None = None) -> None:
        """Share the page behind `fd`, or a new one.

        Raises:
            OSError: there is no descriptor left, or no memory.
        """
        self._fd = nameless_memory(_SIZE) if fd is None else fd
        self._page = memoryview(mmap.mmap(self._fd, _SIZE)).cast("q")
        self._usual: dict[str, Any] = {}
        self._holds = False  # whether this is the process that pauses the others

    def __reduce__(self) -> tuple[Callable[[Any], "DemoClock"], tuple[Any, ...]]:
        return _arrive, (reduction.DupFd(self._fd),)

    def use(self) -> Self:
        """Make it the clock of this process, and of those that it forks, until `give_back`."""
        self._usual = {name: getattr(time, name) for name in _FUNCTIONS}
        for name in _FUNCTIONS:
            setattr(time, name, _named_as_in_time(getattr(self, name)))
        return self

    def give_back(self) -> None:
        """Give `time` its own functions back."""
        for name, function in self._usual.items():
            setattr(time, name, function)

    def hold(self) -> None:
        """Stand still. For the command, just before it stops the processes."""
        self._holds = True
        self._page[_SINCE] = self._page[_SINCE] or _now_ns()

    def go_on(self) -> float:
        """Go on. For the command, before the processes do; return for how many seconds the clock stood."""
        since = self._page[_SINCE]
        stood = _now_ns() - since if since else 0
        self._page[_PAUSED] += stood
        self._page[_SINCE] = 0
        self._holds = False
        return stood / 1e9

    def monotonic_ns(self) -> int:
        """Return what `time.monotonic_ns` would, if there had been no pause."""
        page = self._page
        while True:
            paused, since = page[_PAUSED], page[_SINCE]
            now = since or _now_ns()
            if page[_PAUSED] == paused and page[_SINCE] == since:  # or there was a pause in between
                return now - paused

    def monotonic(self) -> float:
        """Return what `time.monotonic` would, if there had been no pause."""
        return self.monotonic_ns() / 1e9

    def sleep(self, seconds: float) -> None:
        """Sleep as `time.sleep` does, and do not count a pause, except in the process that has made it."""
        end = self.monotonic() + seconds
        _sleep(seconds)
        while not self._holds and (left := end - self.monotonic()) > 0:
            _sleep(left)


def _named_as_in_time(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does the same; for pickle it is what `time` has under this name, wherever."""

    def function(*args: Any) -> Any:
        return method(*args)

    function.__module__, function.__qualname__ = "time", method.__name__
    return function


def _arrive(fd: Any) -> DemoClock:
    return DemoClock(fd.detach())
