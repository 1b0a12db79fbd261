"""The lanes drawn with characters: a row for each process, a glyph for what it did, a time axis."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from procdemo.demo.states import Activity
from procdemo.demo.text import printable
from procdemo.render.timeline import Counter, Lane

GLYPHS = {
    Activity.RUNS: "█",
    Activity.STARTS: "▞",
    Activity.WAITS: "▒",
    Activity.BLOCKED: "░",
    Activity.GONE: "·",
}
ASCII = {
    Activity.RUNS: "#",
    Activity.STARTS: "~",
    Activity.WAITS: "=",
    Activity.BLOCKED: "-",
    Activity.GONE: ".",
}
RUNNING = GLYPHS[Activity.RUNS] + ASCII[Activity.RUNS]
"""The glyphs for a process that runs."""

MEANING = {
    Activity.RUNS: "runs",
    Activity.STARTS: "starts",
    Activity.WAITS: "waits for another process",
    Activity.BLOCKED: "blocked: queue full or empty",
    Activity.GONE: "gone",
}
_LEVELS, _ASCII_LEVELS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
_MOST = 24  # rows that fit on a projector
_NAME, _LONGEST_NAME = 12, 24  # characters of a role; one with the name of its host is longer


class ChartRow(NamedTuple):
    """A row of the chart."""

    role: str
    """The role of the process; empty for a counter, the axis and the legend."""
    head: str
    """What stands left of the cells: the role and the PID, or the name of a counter and its maximum."""
    cells: str


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
    names = [printable(lane.role) for lane in lanes[:_MOST]]
    room = min(max(_NAME, *map(len, names)), _LONGEST_NAME) if any("@" in name for name in names) else _NAME
    head = room + 9
    columns = max(width - head, 10)
    edges = [begin_ns + (end_ns - begin_ns) * column // columns for column in range(columns + 1)]
    glyphs = ASCII if plain else GLYPHS
    rows = []
    for lane, name in zip(lanes, names, strict=False):
        cells = "".join(_cell(lane, *span, glyphs) for span in pairwise(edges))
        rows.append(ChartRow(lane.role, f"{name:<{room}.{room}} {lane.pid:>7} ", cells))
    if len(lanes) > _MOST:
        rows.append(ChartRow("", "", f"... and {len(lanes) - _MOST} more processes"))
    levels = _ASCII_LEVELS if plain else _LEVELS
    for counter in counters:
        most = max(value for _, value in counter.values)
        cells = "".join(_level(counter, *span, most, levels) for span in pairwise(edges))
        rows.append(ChartRow("", f"{printable(counter.name, _NAME):<{room}} {f'max {most:g}':>7} ", cells))
    rows.append(ChartRow("", " " * head, _axis(begin_ns, end_ns, columns)))
    rows.extend(
        ChartRow("", "", line) for line in _legend([f"{glyphs[s]} {MEANING[s]}" for s in _seen(lanes)], width)
    )
    return rows


def _legend(meanings: Sequence[str], width: int) -> list[str]:
    """Return the lines of the legend, each with as many meanings as fit into `width` cells."""
    lines = [meanings[0]]
    for meaning in meanings[1:]:
        if len(lines[-1]) + 2 + len(meaning) <= width:
            lines[-1] += f"  {meaning}"
        else:
            lines.append(meaning)
    return lines


def _seen(lanes: Sequence[Lane]) -> list[Activity]:
    """Return the states that occur in `lanes`, in the order of `Activity`; `RUNS` is always one."""
    seen = {Activity.RUNS, *(state for lane in lanes for _, state in lane.changes)}
    return [state for state in Activity if state in seen]


def _cell(lane: Lane, begin_ns: int, end_ns: int, glyphs: dict[Activity, str]) -> str:
    """Return the glyph for what a process did most between two times; a mark counts as running."""
    shares = lane.shares(begin_ns, end_ns)
    if not shares:
        return " "
    state = max(shares, key=lambda state: shares[state])
    if state is Activity.WAITS and any(begin_ns <= mark < end_ns for mark in lane.marks):
        state = Activity.RUNS
    return glyphs[state]


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
