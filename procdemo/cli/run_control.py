"""What a person at the terminal does to a demo that runs: Ctrl-Z and, with ``--live``, keys.

Space pauses the demo and lets it go on, ``.`` lets it go on to the next sentence on the screen, ``q`` ends
it. Ctrl-Z stops the demo together with the command, and ``fg`` (or ``bg``) lets both go on.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from procdemo.catalog import Demo
from procdemo.demo.events import BY_SHELL, GOES_ON, OBSERVER, PAUSED, Event, Kind, own_event
from procdemo.process import procfs
from procdemo.render.renderer import Renderer
from procdemo.runtime.keyboard import Keyboard
from procdemo.runtime.runner import Runner

if TYPE_CHECKING:
    from procdemo.demo.settings import DemoSettings
    from procdemo.render.telling import Telling
    from procdemo.runtime.pausing import Pausing

_LOOK_S = 0.1  # how long a key may wait
_NOTICE_S = 0.2  # the same for a request to stop, while the demo is paused


def make_pausing(demo: Demo, config: "DemoSettings") -> "Pausing | None":
    """Return what pauses a run of `demo`; None if there is no terminal, or pauses would do harm.

    A bench measures time, the scripts of the lab have clocks of their own, and so has another host.
    """
    has_terminal = any(os.isatty(fd) for fd in range(3))
    if not (has_terminal and demo.twin and procfs.LINUX) or getattr(config, "cluster", None):
        return None
    from procdemo.runtime.pausing import Pausing  # noqa: PLC0415 - in a pipe it is not needed

    with contextlib.suppress(OSError):  # no descriptor is left: the demo runs all the same
        return Pausing()
    return None


class RunControl:
    """Pauses and ends a run as a person asks for it."""

    def __init__(
        self,
        runner: Runner,
        pausing: "Pausing | None",
        renderer: Renderer,
        telling: "Telling | None",
        end: Callable[[], None],
    ) -> None:
        """Take keys if there is a `telling`.

        Args:
            runner: the run.
            pausing: what pauses it; None if it cannot be paused.
            renderer: is told of each pause.
            telling: says which events are key sentences.
            end: asks the demo to end, as Ctrl-C does.
        """
        self._runner, self._pausing, self._renderer, self._end = runner, pausing, renderer, end
        self._telling = telling if pausing else None
        self._keyboard = Keyboard()
        self._look_at = 0.0
        self._stop_wanted = self._steps = self._told_pause = False
        self.longest_wait = _LOOK_S if self._telling else float("inf")
        """Within so many seconds `look` wants to be called."""

    def begin(self) -> None:
        """Listen to the person."""
        if self._pausing and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, self._note_stop)
        if self._telling:
            self._keyboard.begin()

    def end(self) -> None:
        """Listen no more, and give the terminal its own modes back."""
        self._keyboard.end()
        if self._pausing and signal.getsignal(signal.SIGTSTP) == self._note_stop:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)

    def after(self, event: Event) -> None:
        """Do what is to be done after an event: a step ends with the next key sentence."""
        ends_step = self._telling and self._telling.tells(event) and self._steps
        if ends_step:
            self._steps = False
            self._pause(by="a sentence")
        if ends_step or self._stop_wanted or (self._telling and time.monotonic() >= self._look_at):
            self.look()  # before the next event, which may have come already, is drawn

    def look(self) -> None:
        """Do what the person has asked for since the last call; return when the demo is to go on."""
        self._act(0)
        while self._pausing and self._pausing.paused:
            self._act(_NOTICE_S)
            if self._keyboard.gone:
                self._go_on()
        if self._told_pause:  # a request to stop has ended the pause
            self._tell_end_of_pause()

    def _act(self, seconds: float) -> None:
        """Wait at most so long for a key, and do what was asked for."""
        self._look_at = time.monotonic() + _LOOK_S
        if self._stop_wanted:
            self._stop_wanted = False
            self._stop_with_demo()
        for key in self._keyboard.pressed(seconds) if self._telling else "":
            paused = self._pausing and self._pausing.paused
            if key == "q":
                self._go_on()
                self._tell("ended by key", key=key)
                self._end()
            elif key == ".":
                self._steps = True
                self._go_on()
            elif key == " ":
                self._steps = False
                self._go_on() if paused else self._pause(by="a key")

    def _pause(self, by: str) -> None:
        if self._pausing and self._runner.may_be_paused and not self._pausing.paused:
            self._pausing.pause()
            self._tell_pause(by)

    def _go_on(self) -> None:
        if self._pausing and self._pausing.paused:
            self._pausing.go_on()
            self._tell_end_of_pause()

    def _tell_pause(self, by: str) -> None:
        self._told_pause = True
        self._tell(PAUSED, by=by)

    def _tell_end_of_pause(self) -> None:
        self._told_pause = False
        self._tell(GOES_ON, seconds=round(self._pausing.seconds, 3) if self._pausing else 0.0)

    def _tell(self, name: str, **data: Any) -> None:
        self._renderer(own_event(Kind.MARK, name, data, OBSERVER))
        self._renderer.flush()

    def _note_stop(self, _signum: int, _frame: FrameType | None) -> None:
        self._stop_wanted = True

    def _stop_with_demo(self) -> None:
        """Stop the demo, then this process, as Ctrl-Z asks for; go on when the shell says so."""
        was_paused = bool(self._pausing and self._pausing.paused)
        if self._pausing and self._runner.may_be_paused:
            self._pausing.pause()
        self._tell_pause(BY_SHELL)
        sys.stdout.flush()
        self._keyboard.end()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # the kernel ignores it if no shell could let us go on
        signal.signal(signal.SIGTSTP, self._note_stop)
        self._keyboard.begin()
        if was_paused:
            self._tell_pause("a key")
        else:
            self._go_on()
