"""The lanes of a run as coloured lines: at its end, and while it goes on."""

from collections.abc import Callable, Mapping

from rich.text import Text

from procdemo.demo.events import Event
from procdemo.demo.states import Activity
from procdemo.render.lane_chart import BUSY, chart
from procdemo.render.timeline import counters, lanes

_REMEMBERED = 20_000  # events: a server may run for months
_WIDEST = 200  # cells


class LaneView:
    """Remembers a run, and draws what each process was doing; as much of it as is remembered."""

    def __init__(
        self, states: Mapping[str, Activity], colour_of: Callable[[str], str], *, plain: bool
    ) -> None:
        """Draw by `states` of bars and roles, in the colours of roles; in ASCII if `plain`."""
        self._states = states
        self._colour_of = colour_of
        self._plain = plain
        self._seen: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if len(self._seen) < _REMEMBERED:
            self._seen.append(event)

    def lines(self, end_ns: int, width: int) -> list[Text]:
        """Return what happened until `end_ns`, `width` cells wide; nothing if there was one process only."""
        tracks = lanes(self._seen, self._states)
        if len(tracks) <= 1:
            return []
        start_ns = self._seen[0].time_ns
        if len(self._seen) == _REMEMBERED:
            end_ns = self._seen[-1].time_ns
        width = min(width, _WIDEST)
        lines = []
        for row in chart(tracks, counters(self._seen), start_ns, end_ns, width, plain=self._plain):
            line = Text(row.head + row.cells)
            if row.role:  # what is at work has its colour, what waits has none
                line.stylize(self._colour_of(row.role), 0, len(row.head))
                line.highlight_regex(f"[{BUSY}]", self._colour_of(row.role))
            lines.append(line)
        if len(self._seen) == _REMEMBERED:
            lines.append(Text(f"The lanes end after {_REMEMBERED:,} events; -o run.html has all."))
        return lines
