"""Signals of a command that waits for a program: noted, and never the end of either by themselves.

Ctrl-C, Ctrl-\\ and Ctrl-Z go from the terminal to the command and to the program, which are in one process
group. What they mean is up to the program; the command only waits for what it does. SIGTERM and SIGHUP end
the command, but not the program. What was ignored when the command was started stays so.
"""

import os
import signal
from contextlib import suppress
from types import FrameType

from procdemo.process import inherited

_ENDING = (signal.SIGTERM, signal.SIGHUP)
_FOR_PROGRAM = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)


class SignalPipe:
    """A pipe that becomes readable when a signal has come, for ``poll()``."""

    def __init__(self) -> None:
        """Prepare; nothing changes until `listen`."""
        self._read, self._write = os.pipe()
        for fd in (self._read, self._write):
            os.set_blocking(fd, False)
        self.ending = 0
        """The signal that ends the command; 0 if there was none."""
        self.continued = False
        """Whether SIGCONT has come."""

    def listen(self) -> None:
        """Take the signals from now on; call it when the program runs, because it must not inherit this."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        ignored = inherited.of_this_process().ignored
        for signum in (*_ENDING, *_FOR_PROGRAM):
            if signum not in ignored:
                signal.signal(signum, self._note)
        for signum in (signal.SIGCHLD, signal.SIGCONT):
            signal.signal(signum, self._note)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._read

    def wake(self) -> None:
        """Make the pipe readable; from any thread."""
        with suppress(BlockingIOError):
            os.write(self._write, b"!")

    def drain(self) -> None:
        """Read what is in the pipe."""
        with suppress(BlockingIOError):
            while os.read(self._read, 4096):
                pass

    def _note(self, signum: int, _frame: FrameType | None) -> None:
        if signum in _ENDING:
            self.ending = self.ending or signum
        elif signum == signal.SIGCONT:
            self.continued = True
