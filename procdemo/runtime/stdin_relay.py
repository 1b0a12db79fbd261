"""Pass what the user types on to a demo that asks for input.

The demo is not in the terminal's foreground, so it would be stopped if it read from the terminal (termios,
SIGTTIN). The command reads instead, and passes the input on through a pipe.
"""

import os
import select
import sys

from procdemo.process.readiness import wait_ready


class StdinRelay:
    """A pipe from the command's stdin to the demo's."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def use(self) -> None:
        """In the demo's main process: make this its stdin."""
        os.dup2(self._read, 0)
        os.close(self._read)
        os.close(self._write)
        sys.stdin = open(0, encoding="utf-8", errors="replace")  # noqa: SIM115 - to the end

    def close_reading_end(self) -> None:
        """In the command, once the main process is forked: keep the writing end only."""
        os.close(self._read)

    def forward(self) -> None:
        """Pass on what was typed since the last call; never wait, neither for more input nor for the demo."""
        if self._write < 0 or len(wait_ready([0], 0, writing=[self._write])) < 2:  # noqa: PLR2004 - both
            return
        try:
            typed = os.read(0, select.PIPE_BUF)
            os.write(self._write, typed)
        except OSError:  # stdin is open for writing only, as under nohup; or the demo has ended
            typed = b""
        if not typed:
            os.close(self._write)
            self._write = -1
