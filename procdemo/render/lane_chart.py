"""The lanes drawn with characters: a row for each process, a glyph for what it did, a time axis."""

import textwrap
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from procdemo.demo.states import Activity, State
from procdemo.demo.text import printable
from procdemo.render import parents
from procdemo.render.palette import ASCII_TICK, LOOKS, TICK
from procdemo.render.timeline import Counter, Lane

AS_SAID = "as the demo said, not as the kernel saw it"
"""Below lanes whose states are not those of the kernel."""

_LEVELS, _ASCII_LEVELS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
_MOST = 24  # rows that fit on a projector
_NAME, _LONGEST_NAME = 12, 24  # characters of a role; one with a host's name, or a thread's, may be longer


class Window(NamedTuple):
    """The time that a chart shows. All times are those of `time.monotonic_ns`."""

    start_ns: int
    """When the run began: 0 on the axis."""
    now_ns: int
    """How far it is known what happened."""
    most_ns: int = 0
    """The length of the axis, which then moves with the time; 0 for an axis from start to now."""

    def edges(self, columns: int) -> list[int]:
        """Return the times at the edges of so many cells. A moving axis moves by whole cells."""
        length = self.now_ns - self.start_ns
        if not self.most_ns:
            return [self.start_ns + length * column // columns for column in range(columns + 1)]
        cell = max(self.most_ns // columns, 1)
        first = max(-(-length // cell) - columns, 0)
        return [self.start_ns + (first + column) * cell for column in range(columns + 1)]


class ChartRow(NamedTuple):
    """A row of the chart."""

    role: str
    """The role of the process; empty for a counter, the axis and the legend."""
    head: str
    """What stands left of the cells: the role and the PID, or the name of a counter and its maximum."""
    cells: str
    helper: bool = False
    """Whether it is the lane of a process that multiprocessing needs for itself."""


def chart(
    lanes: Sequence[Lane],
    counters: Sequence[Counter],
    window: Window,
    width: int,
    *,
    plain: bool,
    tall: bool = False,
) -> list[ChartRow]:
    """Return the rows of a picture `width` cells wide of what happened within a `window` of time.

    Args:
        lanes: the processes, in the order in which they are to be drawn.
        counters: values over time, drawn below.
        window: the time.
        width: of head and cells together, in terminal cells.
        plain: ASCII only.
        tall: for the back row: each lane is two rows high, and has a role but no PID.
    """
    names = [printable(f"  {lane.thread}" if lane.thread else lane.role) for lane in lanes[:_MOST]]
    long = [len(name) for name, lane in zip(names, lanes, strict=False) if "@" in name or lane.thread]
    room = min(max([_NAME, *long]), _LONGEST_NAME)
    head = room + (1 if tall else 9)
    columns = max(width - head, 10)
    edges = window.edges(columns)
    spans = [(begin, min(end, window.now_ns)) for begin, end in pairwise(edges)]
    glyphs = {state: look.ascii if plain else look.glyph for state, look in LOOKS.items()}
    tick = ASCII_TICK if plain else TICK
    rows, seen_zombies = [], []
    for lane, name in zip(lanes, names, strict=False):
        if lane.more:
            rows.append(ChartRow("", "", f"{name} threads"))
            continue
        cells = _cells(lane, spans, edges[-1], glyphs, tick)
        number = "" if tall else f" {lane.tid or lane.pid:>7}"
        rows.append(ChartRow(lane.role, f"{name:<{room}.{room}}{number} ", cells, lane.helper))
        if tall:
            below = _cells(lane._replace(ticks=[]), spans, edges[-1], glyphs, tick)
            rows.append(ChartRow(lane.role, " " * head, below, lane.helper))
        if glyphs[State.ZOMBIE] in cells:
            seen_zombies.append(lane)
    if rest := [lane for lane in lanes[_MOST:] if not lane.more]:
        what = "lanes" if any(lane.tid for lane in rest) else "processes"
        rows.append(ChartRow("", "", f"... and {len(rest)} more {what}"))
    ticked = any(tick in row.cells for row in rows)
    levels = _ASCII_LEVELS if plain else _LEVELS
    for counter in counters:
        highest = max(value for _, value in counter.values)
        cells = "".join(_level(counter, *span, highest, levels) for span in spans)
        number = f" {f'max {highest:g}':>7}"[: head - room - 1]
        rows.append(ChartRow("", f"{printable(counter.name, _NAME):<{room}}{number} ", cells))
    rows.append(ChartRow("", " " * head, _axis(window, columns)))
    seen = _seen(lanes)
    meanings = [f"{glyphs[state]} {state}" for state in seen if glyphs[state] != " "]
    meanings += [f"{tick} event"] * ticked
    rows.extend(ChartRow("", "", line) for line in _legend(meanings, width))
    for sentence in (*parents.zombies(seen_zombies), *parents.orphaned(lanes)):
        rows.extend(ChartRow("", "", line) for line in textwrap.wrap(sentence, width, subsequent_indent="  "))
    if any(isinstance(state, Activity) for state in seen):
        rows.append(ChartRow("", "", AS_SAID))
    return rows


def _legend(meanings: list[str], width: int) -> list[str]:
    """Return the lines of the legend, each with as many meanings as fit into `width` cells."""
    lines = meanings[:1]
    for meaning in meanings[1:]:
        if len(lines[-1]) + 2 + len(meaning) <= width:
            lines[-1] += f"  {meaning}"
        else:
            lines.append(meaning)
    return lines


def _seen(lanes: Sequence[Lane]) -> list[State | Activity]:
    """Return the states that occur in `lanes`, in the order of the palette."""
    seen = {state for lane in lanes for _, state in lane.changes}
    return [state for state in LOOKS if state in seen]


def _cells(
    lane: Lane, spans: Sequence[tuple[int, int]], end_ns: int, glyphs: dict[State | Activity, str], tick: str
) -> str:
    """Return a glyph for each cell: what was done for most of its time, or a tick of the story.

    The last of the cells ends at `end_ns`; what comes after its span is not known yet.
    A solid block stays one. If more than half of the cells would have a tick, none has, because they would
    hide the states.
    """
    states = [
        max(shares, key=shares.__getitem__) if (shares := lane.shares(*span)) else None for span in spans
    ]
    cells = [glyphs[state] if state else " " for state in states]
    ticked = {_place_of(at, spans[0][0], end_ns, len(spans)) for at in lane.ticks} - {None}
    if len(ticked) <= len(cells) / 2:
        for place in ticked:
            if place is not None and states[place] not in {State.COMPUTING, Activity.ACTIVE}:
                cells[place] = tick
    return "".join(cells)


def _place_of(time_ns: int, begin_ns: int, end_ns: int, cells: int) -> int | None:
    """Return the number of the cell in which a time lies; None if it lies in none."""
    if not begin_ns <= time_ns <= end_ns or begin_ns == end_ns:
        return None
    return min((time_ns - begin_ns) * cells // (end_ns - begin_ns), cells - 1)


def _level(counter: Counter, begin_ns: int, end_ns: int, most: float, levels: str) -> str:
    """Return the bar for the highest value between two times; the first of them may be from before."""
    if begin_ns >= end_ns:  # it has not come yet
        return levels[0]
    before = [value for time_ns, value in counter.values if time_ns <= begin_ns][-1:]
    values = before + [value for time_ns, value in counter.values if begin_ns < time_ns < end_ns]
    if not values or most <= 0:
        return levels[0]
    return levels[round(max(values) / most * (len(levels) - 1))]


def _axis(window: Window, columns: int) -> str:
    """Return the time axis: its begin, its middle, its end."""
    edges = window.edges(columns)
    begin, end = ((edge - window.start_ns) / 1e9 for edge in (edges[0], edges[-1]))
    unit, factor = ("s", 1.0) if end >= 1 else ("ms", 1000.0)
    first, middle, last = (f"{at * factor:.3g}" for at in (begin, (begin + end) / 2, end))
    axis = first.ljust(columns // 2 - len(middle) // 2) + middle
    last += f" {unit}"
    return axis.ljust(columns - len(last)) + last
