"""Results as a table: a row for each, numbers to the right; the column ``bar`` is drawn as bars."""

from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from procdemo.demo.events import USAGE
from procdemo.demo.states import State
from procdemo.demo.text import printable

_RULE = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)  # box.SIMPLE_HEAD in ASCII
_BAR, _BAR_CELLS = "bar", 24  # a column of numbers from 0 to 1; 1 is drawn so many cells long
_COSTS = ("role", "pid", "parent", "cpu_ms", "ready_ms")
_CELL_LIMIT = 200  # characters of one value


def table(name: str, rows: list[dict[str, Any]], *, plain: bool) -> Table:
    """Return the table `name` of rows of data, a column for each key; in ASCII if `plain`."""
    rows = _narrower(rows) if name == USAGE else rows
    form = _RULE if plain else box.SIMPLE_HEAD
    drawn = Table(title=Text(printable(name)), title_justify="left", box=form, pad_edge=False)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        number = all(isinstance(row.get(column, 0), int | float) for row in rows)
        drawn.add_column(
            Text(printable(column.replace("_", " "))),
            justify="right" if number and column != _BAR else "left",
            overflow="fold",
            max_width=_BAR_CELLS if column == _BAR else None,
        )
    for row in rows:
        drawn.add_row(*(_cell(column, row.get(column, ""), plain=plain) for column in columns))
    return drawn


def _narrower(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the table of processes with the shares of all states in one column."""
    states = list(map(str, State))
    return [
        {
            **{key: value for key, value in row.items() if key in _COSTS},
            "did_%": ", ".join(f"{state} {row[state]}" for state in states if row.get(state)),
            **{key: value for key, value in row.items() if key not in {*_COSTS, *states}},
        }
        for row in rows
    ]


def _cell(column: str, value: Any, *, plain: bool) -> RenderableType:
    """Return what a table shows for a value: a bar if it is in the column ``bar`` and from 0 to 1."""
    if column == _BAR and isinstance(value, float | int) and 0 <= value <= 1:
        return _Bar(value, "#" if plain else "█")
    return Text(printable(value, _CELL_LIMIT))


class _Bar:
    """A number from 0 to 1 as a bar; 1 is as long as its column is wide."""

    def __init__(self, part: float, glyph: str) -> None:
        self._part = part
        self._glyph = glyph

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self._glyph * max(round(self._part * options.max_width), 1))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(4, options.max_width)
