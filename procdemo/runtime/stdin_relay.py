"""What somebody types, on its way to a demo that asks.

The demo is not in the terminal's foreground, and would be stopped if it read from it (termios,
SIGTTIN): the command reads, and passes it on through a pipe.
"""

import os
import select
import sys


class StdinRelay:
    """A pipe from the command's stdin to the demo's."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def use(self) -> None:
        """In the stage: make this its stdin."""
        os.dup2(self._read, 0)
        os.close(self._read)
        os.close(self._write)
        sys.stdin = open(0, encoding="utf-8", errors="replace")  # noqa: SIM115 - to the end

    def hold(self) -> None:
        """In the command: keep the writing end only."""
        os.close(self._read)

    def forward(self) -> None:
        """Pass on what was typed since; never wait, neither for more of it nor for the demo."""
        if self._write < 0 or select.select([0], [self._write], [], 0)[:2] != ([0], [self._write]):
            return
        typed = os.read(0, select.PIPE_BUF)
        try:
            os.write(self._write, typed)
        except BrokenPipeError:  # it has ended
            typed = b""
        if not typed:
            os.close(self._write)
            self._write = -1
