"""Keys that a person presses while a demo runs: read one by one, and not shown.

The terminal belongs to the job that is in its foreground. In the background (``bg``) a process is stopped if
it reads from the terminal or changes its modes (termios(3), SIGTTIN and SIGTTOU). So nothing is done there.
"""

import contextlib
import os
from typing import Any

from procdemo.process.readiness import wait_ready

STORY = {"ended by key": "ended by {key}"}
"""The sentence of a mark of the command, in every story: a person has pressed a key that ends the demo."""

BARE = {"ended by key"}

_STDIN = 0
_LOCAL_MODES = 3  # the place of c_lflag in what `termios.tcgetattr` returns


class Keyboard:
    """The terminal at stdin."""

    def __init__(self) -> None:
        self._usual: list[Any] | None = None  # the modes of the terminal, while ours are set
        self.gone = False
        """Whether no key can come any more."""

    def begin(self) -> None:
        """Have keys come one by one and unseen, if the terminal is ours; Ctrl-C and Ctrl-Z are as usual."""
        if self._usual is not None or not self._in_foreground():
            return
        import termios  # noqa: PLC0415 - absent on Windows

        with contextlib.suppress(termios.error):  # the terminal is gone
            usual = termios.tcgetattr(_STDIN)
            own = list(usual)
            own[_LOCAL_MODES] &= ~(termios.ICANON | termios.ECHO)
            termios.tcsetattr(_STDIN, termios.TCSANOW, own)
            self._usual = usual

    def end(self) -> None:
        """Give the terminal its own modes back."""
        usual, self._usual = self._usual, None
        if usual is None or not self._in_foreground():  # a shell has set its own modes
            return
        import termios  # noqa: PLC0415 - as above

        with contextlib.suppress(termios.error):
            termios.tcsetattr(_STDIN, termios.TCSANOW, usual)

    def pressed(self, seconds: float = 0) -> str:
        """Return the keys that have been pressed since the last call; wait for one for so many seconds."""
        self.begin()  # it may be ours again
        if self._usual is None:
            wait_ready([], seconds)
            return ""
        if not wait_ready([_STDIN], seconds) or not self._in_foreground():
            return ""
        try:
            keys = os.read(_STDIN, 64)
        except OSError:  # it is gone
            keys = b""
        self.gone = not keys
        return keys.decode("ascii", "replace")

    def _in_foreground(self) -> bool:
        try:
            return not self.gone and os.tcgetpgrp(_STDIN) == os.getpgrp()
        except OSError:  # no terminal, or none that this process may ask
            return False
