"""What moves at the foot of a terminal while a demo runs: progress bars and, if asked for, lanes and keys."""

import os
import time
from typing import Any

from rich.console import Console as Terminal
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from procdemo.demo.events import Event
from procdemo.demo.text import printable
from procdemo.render.screen_lanes import ScreenLanes

_FRAME_S = 0.1  # at least, between two pictures of the lanes
_SHARE = 10  # the pause after a picture is at least so many times as long as drawing it has taken
_WINDOW_NS = 5_000_000_000  # the axis of the lanes; it moves with the time
_KEYS = "space: pause   .: to the next sentence   q: end"
_PAUSED = "paused   space: go on   .: to the next sentence   q: end"
_STOPPED = "paused: fg goes on"
_SHOW_CURSOR = "\x1b[?25h"  # DECTCEM


def can_animate(terminal: Terminal) -> bool:
    """Return whether `terminal` can show what moves: a terminal, not a dumb one, and not in a CI job."""
    return terminal.file.isatty() and not terminal.is_dumb_terminal and not os.environ.get("CI")


class LiveView:
    """The foot of a terminal: drawn again and again while the demo runs, removed at the end."""

    def __init__(
        self, terminal: Terminal, lanes: ScreenLanes | None = None, *, takes_keys: bool = False
    ) -> None:
        """Draw on `terminal`: progress bars; `lanes` above them if there are some; below them the keys."""
        self._terminal = terminal
        self._lanes = lanes
        self._live: Live | None = None
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=terminal
        )
        self._bars: dict[str, Any] = {}
        self._drawn_lanes = Group()
        self._takes_keys = takes_keys
        self._said: Text | None = None
        self._foot = self._usual_foot()
        self._due = self._newest = 0.0
        self._newest_ns = 0

    def advance(self, event: Event) -> None:
        """Take a count with a ``total``."""
        if event.name not in self._bars:
            self._bars[event.name] = self._progress.add_task(printable(event.name), total=None)
        bar = self._bars[event.name]
        self._progress.update(bar, completed=event.data["value"], total=event.data["total"])

    def note(self, time_ns: int) -> None:
        """Note the time of an event that has just come: by it, `refresh` draws the lanes up to now."""
        self._newest_ns, self._newest = max(self._newest_ns, time_ns), time.monotonic()

    def say(self, sentence: Text) -> None:
        """Show a sentence below the lanes, until there is another one."""
        self._said = sentence

    def pause(self, *, by_shell: bool) -> None:
        """Draw it once more, and say that the demo is paused; leave the picture there for a shell."""
        self._foot = Text(_STOPPED if by_shell else _PAUSED, style="bold")
        self._due = 0.0
        self.refresh()
        if by_shell and self._live:
            self._live.transient = False
            self._end()

    def go_on(self) -> None:
        """Take back that the demo is paused."""
        self._foot = self._usual_foot()
        self._due = 0.0

    def _usual_foot(self) -> Text | None:
        return Text(_KEYS, style="dim") if self._takes_keys else None

    def refresh(self) -> None:
        """Draw it again, if there is something to be seen."""
        if self._lanes and time.monotonic() >= self._due:
            self._draw_lanes(self._lanes)
        if self._live is None and (self._bars or self._drawn_lanes.renderables or self._said or self._foot):
            self._live = Live(console=self._terminal, auto_refresh=False, transient=True)
            self._live.start()
        if self._live:
            foot = [text for text in (self._said, self._foot) if text]
            self._live.update(Group(self._drawn_lanes, self._progress, *foot), refresh=True)

    def _draw_lanes(self, lanes: ScreenLanes) -> None:
        begin = time.monotonic()
        now_ns = self._newest_ns + int((begin - self._newest) * 1e9)
        width, height = self._terminal.size
        self._drawn_lanes = Group(*lanes.lines(now_ns, width, _WINDOW_NS, height))
        end = time.monotonic()
        self._due = end + max(_FRAME_S, _SHARE * (end - begin))

    def stop(self) -> None:
        """Remove it, and show the cursor again."""
        self._end()
        self._lanes = None
        self._bars.clear()

    def _end(self) -> None:
        if self._live:
            try:
                self._live.stop()
            finally:
                self._live = None
                # If a signal handler raised while Rich wrote, Rich can keep its own last words in a buffer.
                self._terminal.file.write(_SHOW_CURSOR)
                self._terminal.file.flush()
