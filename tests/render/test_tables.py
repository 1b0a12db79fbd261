"""Tables of results, and the bars in them, in as much room as there is."""

import io

import pytest
from rich.console import Console

from procdemo.demo.text import printable
from procdemo.render.tables import table

ROWS = [
    {"design": "Pool(2), forkserver", "median": 500.5, "ratio": 2, "bar": 1.0},
    {"design": "thread", "median": 250, "ratio": 1, "bar": 0.5},
    {"design": "none", "median": 0, "ratio": 0, "bar": 0},
]


def drawn(rows, width, *, plain=False):
    file = io.StringIO()
    Console(file=file, width=width).print(table("ms", rows, plain=plain))
    return file.getvalue().splitlines()


@pytest.mark.parametrize(("plain", "glyph"), [(False, "█"), (True, "#")])
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_bars_have_the_length_of_their_part_in_the_room_there_is(width, plain, glyph):
    lines = drawn(ROWS, width, plain=plain)
    assert max(map(len, lines)) <= width
    longest, half, least = (line.count(glyph) for line in lines if glyph in line)
    assert 4 <= longest <= 24
    assert abs(half - longest / 2) <= 0.5
    assert least == 1, "a bar can always be seen"
    assert plain <= all(line.isascii() for line in lines)


@pytest.mark.parametrize("bar", ["x", 7, -1, None, [1]])
def test_what_is_called_a_bar_and_is_no_part_of_one_is_shown_as_it_is(bar):
    lines = [line.strip() for line in drawn([{"bar": bar}], 60, plain=True)]
    assert lines[-2:] == [printable(bar), ""]


def test_rows_need_not_have_the_same_columns():
    output = "\n".join(drawn([{"a": 1, "b_c": "x"}, {"a": 2, "d": 3.5}], 60))
    assert "b c" in output
    assert "3.5" in output
