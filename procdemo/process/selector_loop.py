"""Wait for many things at once: one loop, one thread, no polling."""

import os
import selectors
from collections.abc import Callable
from typing import Any


class SelectorLoop:
    """The descriptors somebody waits for, and what to do when one is readable.

    Children made by fork close their copy at once.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        os.register_at_fork(after_in_child=self._disown)

    def fileno(self) -> int:
        """Return what is readable when something is: for another loop that waits for us (epoll, kqueue)."""
        number: int = self._selector.fileno()
        return number

    def watch(self, fileobj: Any, act: Callable[[], object]) -> None:
        """Call `act()` whenever `fileobj` is readable while we wait."""
        self._selector.register(fileobj, selectors.EVENT_READ, act)

    def unwatch(self, fileobj: Any) -> None:
        """Stop watching `fileobj`; before it is closed."""
        self._selector.unregister(fileobj)

    def wait(self, seconds: float | None) -> None:
        """Wait until something is readable, at most `seconds`, and act on all that is."""
        for key, _ in self._selector.select(seconds):
            if self._selector.get_map().get(key.fileobj) is key:  # not unwatched by the one before
                key.data()

    def _disown(self) -> None:
        # Neither its close() nor suppress(): every object that is touched costs the child a page.
        try:  # noqa: SIM105
            os.close(self._selector.fileno())
        except (AttributeError, ValueError, OSError):  # it has none; it is closed; a kqueue is not inherited
            pass

    def close(self) -> None:
        """Wait for nothing any more."""
        self._selector.close()
