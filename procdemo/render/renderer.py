"""What every renderer has: it takes the events of a run, one after the other."""

from typing import Protocol

from procdemo.demo.events import Event


class Renderer(Protocol):
    """An output form."""

    def __call__(self, event: Event) -> None:
        """Take one event."""

    def flush(self) -> None:
        """Write what was taken."""

    def close(self) -> None:
        """Finish the output."""
