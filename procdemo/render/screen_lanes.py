"""The lanes of a run as coloured lines for the screen: at its end, and while it goes on."""

import sys
from collections.abc import Collection, Mapping

from rich.text import Text

from procdemo.demo.events import Event
from procdemo.demo.states import Activity, State
from procdemo.render import parents
from procdemo.render.lane_chart import ChartRow, Window, chart
from procdemo.render.palette import LOOKS
from procdemo.render.role_colours import RoleColours
from procdemo.render.timeline import Lane, counters, lanes

_REMEMBERED = 20_000  # events: a server may run for months
_GREY = "bright_black"
_WIDEST = 200  # cells
_OTHER_LINES = 6  # of a screen: two empty ones, the axis, the legend, the answer
_OTHERS_IF_TALL = 7  # the axis, the legend, the answer in its box


class ScreenLanes:
    """Remembers the events of a run, up to a limit, and draws what each process was doing."""

    def __init__(
        self,
        activities: Mapping[str, Activity],
        threads: Collection[str],
        colours: RoleColours,
        *,
        plain: bool,
        helpers: bool = False,
        tall: bool = False,
    ) -> None:
        """Draw names in the `colours` of roles; `plain` and `tall` are for `chart`, the rest for `lanes`."""
        self._activities = activities
        self._threads = threads
        self._colours = colours
        self._plain = plain
        self._helpers = helpers
        self._tall = tall
        self._by_glyph = {
            look.ascii if plain else look.glyph: look.colour for look in LOOKS.values() if look.glyph != " "
        }
        self._events: list[Event] = []
        self.room = sys.maxsize
        """How many lines of the screen are left. If the lanes need more, some are left out: threads first."""

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if len(self._events) < _REMEMBERED:
            self._events.append(event)

    def lines(self, end_ns: int, width: int, most_ns: int = 0, height: int = sys.maxsize) -> list[Text]:
        """Return the lanes until `end_ns`, `width` cells wide; no line if a demo had only one process.

        If `most_ns` is not 0, the axis is so long, and moves with the time, on a screen of `height` lines.
        """
        processes = lanes(self._events, self._activities, self._threads, helpers=self._helpers)
        if not self._helpers:
            processes = _without_idle_threads(processes)
        if len(processes) <= 1 and not any(lane.program for lane in processes):
            return []
        if len(self._events) == _REMEMBERED:
            end_ns = self._events[-1].time_ns
        window, width = Window(self._events[0].time_ns, end_ns, most_ns), min(width, _WIDEST)
        counted = counters(self._events)
        room = min(self.room, height) - (_OTHERS_IF_TALL if self._tall else _OTHER_LINES)
        room = (room - len(counted)) // 2 if self._tall else room
        every, processes = processes, _fitting(processes, room, window.edges(1)[0])
        if not processes:
            return []
        rows = chart(processes, counted, window, width, plain=self._plain, tall=self._tall)
        lines = [self._coloured(row) for row in rows]
        if left_out := len(every) - len(processes):
            all_have_lanes = "" if most_ns else " (-v)"
            lines.append(
                Text(f"... and {left_out} more {'lanes' if left_out > 1 else 'lane'}{all_have_lanes}")
            )
        if len(self._events) == _REMEMBERED:
            lines.append(Text(f"The lanes end after {_REMEMBERED:,} events; -o run.html has all."))
        return lines

    def _coloured(self, row: ChartRow) -> Text:
        """Return a row: its head in the colour of its role, its cells in the colours of the states."""
        line = Text(row.head + row.cells)
        if row.helper:
            line.stylize(_GREY)
        elif row.role:
            line.stylize(self._colours.of(row.role), 0, len(row.head))
            for place, glyph in enumerate(row.cells, start=len(row.head)):
                if colour := self._by_glyph.get(glyph):
                    line.stylize(colour, place, place + 1)
        return line


def _without_idle_threads(processes: list[Lane]) -> list[Lane]:
    """Leave out the threads of a demo that had nothing to do and to say, such as those of a Pool."""
    talking = {lane.pid for lane in processes if lane.ticks}
    return [
        lane
        for lane in processes
        if lane.pid not in talking
        or lane.tid in {0, lane.pid}
        or lane.more
        or lane.ticks
        or any(state is State.COMPUTING for _, state in lane.changes)
    ]


def _fitting(every: list[Lane], lines: int, begin_ns: int = 0) -> list[Lane]:
    """Return as many lanes as there are lines for them and for what is said of them: processes first.

    If some must be left out, those that had ended before `begin_ns` are.
    """
    lines -= len([*parents.zombies([lane for lane in every if lane.zombie_of]), *parents.orphaned(every)])
    if len(every) <= lines:
        return every
    by_rank = sorted(every, key=lambda lane: (lane.gone_before(begin_ns), bool(lane.thread or lane.more)))
    chosen = {id(lane) for lane in by_rank[: max(lines - 1, 0)]}
    return [lane for lane in every if id(lane) in chosen]
