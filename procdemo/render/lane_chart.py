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
    lanes: Sequence[Lane], counters: Sequence[Counter], begin_ns: int, end_ns: int, width: int, *, plain: bool
) -> list[ChartRow]:
    """Return the rows of a picture `width` cells wide of what happened between two times.

    Args:
        lanes: the processes, in the order in which they are to be drawn.
        counters: values over time, drawn below.
        begin_ns: left edge, `time.monotonic_ns`.
        end_ns: right edge.
        width: of head and cells together, in terminal cells.
        plain: ASCII only.
    """
    names = [printable(f"  {lane.thread}" if lane.thread else lane.role) for lane in lanes[:_MOST]]
    long = [len(name) for name, lane in zip(names, lanes, strict=False) if "@" in name or lane.thread]
    room = min(max([_NAME, *long]), _LONGEST_NAME)
    head = room + 9
    columns = max(width - head, 10)
    edges = [begin_ns + (end_ns - begin_ns) * column // columns for column in range(columns + 1)]
    glyphs = {state: look.ascii if plain else look.glyph for state, look in LOOKS.items()}
    tick = ASCII_TICK if plain else TICK
    rows = []
    for lane, name in zip(lanes, names, strict=False):
        cells = _cells(lane, list(pairwise(edges)), glyphs, tick)
        if lane.more:
            rows.append(ChartRow("", "", f"{name} threads"))
            continue
        number = lane.tid or lane.pid
        rows.append(ChartRow(lane.role, f"{name:<{room}.{room}} {number:>7} ", cells, lane.helper))
    if len(lanes) > _MOST:
        rest = [lane for lane in lanes[_MOST:] if not lane.more]
        what = "lanes" if any(lane.tid for lane in rest) else "processes"
        rows.append(ChartRow("", "", f"... and {len(rest)} more {what}"))
    seen_zombies = [lane for lane, row in zip(lanes, rows, strict=False) if glyphs[State.ZOMBIE] in row.cells]
    ticked = any(tick in row.cells for row in rows)
    levels = _ASCII_LEVELS if plain else _LEVELS
    for counter in counters:
        most = max(value for _, value in counter.values)
        cells = "".join(_level(counter, *span, most, levels) for span in pairwise(edges))
        rows.append(ChartRow("", f"{printable(counter.name, _NAME):<{room}} {f'max {most:g}':>7} ", cells))
    rows.append(ChartRow("", " " * head, _axis(begin_ns, end_ns, columns)))
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
    lane: Lane, spans: Sequence[tuple[int, int]], glyphs: dict[State | Activity, str], tick: str
) -> str:
    """Return a glyph for each cell: what was done for most of its time, or a tick of the story.

    A solid block stays one. If more than half of the cells would have a tick, none has, because they would
    hide the states.
    """
    states = [
        max(shares, key=shares.__getitem__) if (shares := lane.shares(*span)) else None for span in spans
    ]
    cells = [glyphs[state] if state else " " for state in states]
    ticked = {_place_of(at, spans) for at in lane.ticks} - {None}
    if len(ticked) <= len(cells) / 2:
        for place in ticked:
            if place is not None and states[place] not in {State.COMPUTING, Activity.ACTIVE}:
                cells[place] = tick
    return "".join(cells)


def _place_of(time_ns: int, spans: Sequence[tuple[int, int]]) -> int | None:
    """Return the number of the cell in which a time lies; None if it lies in none."""
    begin_ns, end_ns = spans[0][0], spans[-1][1]
    if not begin_ns <= time_ns <= end_ns or begin_ns == end_ns:
        return None
    return min((time_ns - begin_ns) * len(spans) // (end_ns - begin_ns), len(spans) - 1)


def _level(counter: Counter, begin_ns: int, end_ns: int, most: float, levels: str) -> str:
    """Return the bar for the highest value between two times; the first of them may be from before."""
    before = [value for time_ns, value in counter.values if time_ns <= begin_ns][-1:]
    values = before + [value for time_ns, value in counter.values if begin_ns < time_ns < end_ns]
    if not values or most <= 0:
        return levels[0]
    return levels[round(max(values) / most * (len(levels) - 1))]


def _axis(begin_ns: int, end_ns: int, columns: int) -> str:
    """Return the time axis: 0, the middle, the end."""
    seconds = (end_ns - begin_ns) / 1e9
    unit, factor = ("s", 1.0) if seconds >= 1 else ("ms", 1000.0)
    middle, last = f"{seconds / 2 * factor:.3g}", f"{seconds * factor:.3g} {unit}"
    axis = "0".ljust(columns // 2 - len(middle) // 2) + middle
    return axis.ljust(columns - len(last)) + last
