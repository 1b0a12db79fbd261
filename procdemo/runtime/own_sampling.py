"""The sampler of a demo that runs in the command itself: a thread looks at all others of this process."""

import contextlib
import os
import select
import signal
import threading
from collections import deque

from procdemo.demo.events import SUMMARY, Event, Kind
from procdemo.process import procfs
from procdemo.runtime.sampling import Sampling

_BATCH_S = 0.1  # how long what was seen may wait


class OwnSampling:
    """The states of this process, as events, from `start` to the summary."""

    def __init__(self, since_ns: int, *, sampled: bool) -> None:
        """Prepare to look, if the run is `sampled`; it began at `since_ns` (`time.monotonic_ns`)."""
        self._sampled = sampled
        self._since_ns = since_ns
        self._seen: deque[Event] = deque()
        self._thread: threading.Thread | None = None
        self._end = -1

    def start(self) -> None:
        """Start the thread; if there cannot be one more, or no /proc, nothing is seen."""
        if not (self._sampled and procfs.LINUX):
            return
        end, self._end = os.pipe()
        thread = threading.Thread(target=self._look_until, args=(end,), daemon=True)
        mask = signal.pthread_sigmask(
            signal.SIG_BLOCK, signal.valid_signals()
        )  # signals are for the main thread
        try:
            with contextlib.suppress(RuntimeError):
                thread.start()
                self._thread = thread
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def with_states(self, event: Event) -> list[Event]:
        """Return an event of the demo, and before it what was seen since the last one.

        With the summary, the last event of a run, the thread ends after a last look.
        """
        if event.kind == Kind.RESULT and event.name == SUMMARY and self._thread:
            os.close(self._end)
            self._thread.join()
            self._thread = None
        return [*(self._seen.popleft() for _ in range(len(self._seen))), event]

    def _look_until(self, end: int) -> None:
        poll = select.poll()
        poll.register(end, 0)  # only that the other end is closed
        sampling = Sampling(os.getpid(), 0, self._since_ns)
        while not sampling.poll(poll, _BATCH_S):
            self._seen += sampling.events()
        self._seen += sampling.last()
        os.close(end)
