"""JSON Lines: one object for each event, the whole run and nothing else."""

import json
from typing import TextIO

from procdemo.events import Event
from procdemo.text import printable

SCHEMA = 1
"""Version of the form below; a field may be added without a new one."""


class JsonLines:
    """Write each event as ``{"kind","name","data","time_ns","pid","tid","role"}``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encode = json.JSONEncoder(default=printable, separators=(",", ":")).encode

    def __call__(self, event: Event) -> None:
        """Write one line; pure ASCII, so that no control character reaches a terminal."""
        self._stream.write(self._encode(event._asdict()) + "\n")

    def flush(self) -> None:
        """Let the reader of a pipe see what was written."""
        self._stream.flush()

    def close(self) -> None:
        """Finish the output; the stream stays open."""
        self.flush()
