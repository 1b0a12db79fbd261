"""JSON Lines: the whole run, one object for each event, and nothing else."""

import json
import math
from typing import IO, Any

from procdemo.demo.events import Event
from procdemo.demo.text import printable

SCHEMA = 2
"""Version of the form below; a field may be added without a new one. Schema 1 has no kind `state`."""


class JsonLines:
    """Write each event as ``{"kind","name","data","time_ns","pid","tid","role"}``."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._encode = json.JSONEncoder(default=printable, separators=(",", ":"), allow_nan=False).encode

    def __call__(self, event: Event) -> None:
        """Write one line; pure ASCII, so that no control character reaches a terminal."""
        try:
            line = self._encode(event._asdict())
        except ValueError:  # JSON has no infinity
            line = self._encode({**event._asdict(), "data": _finite(event.data)})
        self._stream.write(line + "\n")

    def flush(self) -> None:
        """Send what was written to the reader of a pipe."""
        self._stream.flush()

    def close(self) -> None:
        """Finish the output; the stream stays open."""
        self.flush()


def _finite(value: Any) -> Any:
    """Return `value` with None in place of each infinity or not-a-number in it."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
