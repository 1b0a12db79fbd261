"""What moves at the foot of a terminal while a demo runs: progress bars and, if asked for, the lanes."""

import os
import time
from typing import Any

from rich.console import Console as Terminal
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from procdemo.demo.events import Event
from procdemo.demo.text import printable
from procdemo.render.lane_view import LaneView

_FRAME_S = 0.1  # between two pictures of the lanes
_SHARE = 10  # of the time goes by, at least, for each part that goes into drawing them


def moves(terminal: Terminal) -> bool:
    """Return whether something may move on `terminal`: somebody looks, and it can."""
    return terminal.file.isatty() and not terminal.is_dumb_terminal and not os.environ.get("CI")


class LiveView:
    """The foot of a terminal, drawn anew again and again, and gone at the end."""

    def __init__(self, terminal: Terminal, panorama: LaneView | None = None) -> None:
        """Draw on `terminal`, with the lanes of `panorama` on top."""
        self._terminal = terminal
        self._panorama = panorama
        self._live: Live | None = None
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=terminal
        )
        self._bars: dict[str, Any] = {}
        self._lanes: Group = Group()
        self._due = self._newest = 0.0
        self._newest_ns = 0

    def advance(self, event: Event) -> None:
        """Take a count with a ``total``."""
        if event.name not in self._bars:
            self._bars[event.name] = self._progress.add_task(printable(event.name), total=None)
        bar = self._bars[event.name]
        self._progress.update(bar, completed=event.data["value"], total=event.data["total"])

    def note(self, time_ns: int) -> None:
        """Note how late it is in the run: `time_ns` of an event that has just come."""
        self._newest_ns, self._newest = max(self._newest_ns, time_ns), time.monotonic()

    def refresh(self) -> None:
        """Bring it up to date, if there is anything to be seen."""
        if self._panorama and time.monotonic() >= self._due:
            self._draw_lanes(self._panorama)
        if self._live is None and (self._bars or self._lanes.renderables):
            self._live = Live(console=self._terminal, auto_refresh=False, transient=True)
            self._live.start()
        if self._live:
            self._live.update(Group(self._lanes, self._progress), refresh=True)

    def _draw_lanes(self, panorama: LaneView) -> None:
        begin = time.monotonic()
        now_ns = self._newest_ns + int((begin - self._newest) * 1e9)
        self._lanes = Group(*panorama.lines(now_ns, self._terminal.width))
        end = time.monotonic()
        self._due = end + max(_FRAME_S, _SHARE * (end - begin))

    def stop(self) -> None:
        """Take it away, and give the cursor back."""
        if self._live:
            self._live.stop()
            self._live = None
        self._panorama = None
        self._bars.clear()
