"""The loop with which the main process of a server waits, until it is asked to stop."""

import signal
from types import FrameType
from typing import Self

from procdemo.process.selector_loop import SelectorLoop
from procdemo.process.self_pipe import SelfPipe


class StoppableLoop(SelectorLoop):
    """A selector loop that SIGTERM, SIGINT and `stop` ask to stop.

    It is a context manager, because within the block it handles these signals. A signal only sets
    `stopping` and ends the wait, so none comes at a wrong moment.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stopping = False
        """Whether the server was asked to stop."""
        self._pipe = SelfPipe(self)

    def __enter__(self) -> Self:
        self._handlers = {s: signal.signal(s, self._on_signal) for s in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._handlers.items():
            signal.signal(signum, handler)
        self._pipe.close()
        self.close()

    def _on_signal(self, _signum: int, _frame: FrameType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask the server to stop: from any thread or signal handler."""
        self.stopping = True
        self._pipe.wake()
