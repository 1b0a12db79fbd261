"""The axis of lanes that move: as long as ever, and what has not come yet is left free."""

from itertools import pairwise

import pytest

from procdemo.demo.events import Event
from procdemo.demo.states import State
from procdemo.render.lane_chart import Window, chart
from procdemo.render.role_colours import RoleColours
from procdemo.render.screen_lanes import ScreenLanes
from procdemo.render.timeline import Counter, Lane

COMPUTING, WAITING, GONE = State.COMPUTING, State.WAITING, State.GONE
S = 1_000_000_000
MAIN = Lane("main", 100, [(0, COMPUTING), (2 * S, WAITING)], [6 * S])
DEPTH = Counter("in the queue", [(0, 4), (3 * S, 8)])


def drawn(now, lanes=(MAIN,), counters=(), width=71):
    rows = chart(lanes, counters, Window(0, int(now * S), 5 * S), width, plain=False)
    return [row.head + row.cells for row in rows]


def test_a_bar_grows_and_does_not_shrink():
    half, whole = drawn(1)[0], drawn(2)[0]
    assert half.count("█") == 10
    assert whole.count("█") == 20
    assert half.endswith(" " * 40)
    assert [row[21:].split() for row in (drawn(1)[1], drawn(2)[1])] == [["0", "2.5", "5", "s"]] * 2


def test_after_the_window_has_passed_it_moves():
    lane, axis, _ = drawn(6.5)
    assert lane[21:] == "█████" + "─" * 40 + "│─" + "─" * 3
    assert axis.split() == ["1.5", "4", "6.5", "s"]


def test_a_counter_ends_where_the_lanes_end():
    assert drawn(4, counters=[DEPTH])[1][21:] == "▄" * 30 + "█" * 10 + " " * 10


@pytest.mark.parametrize("columns", [10, 39, 50, 120])
def test_it_moves_by_whole_cells_and_shows_the_present(columns):
    before = None
    for now in range(0, 20 * S, S // 7):
        edges = Window(0, now, 5 * S).edges(columns)
        assert len(edges) == columns + 1
        lengths = {end - begin for begin, end in pairwise(edges)}
        assert len(lengths) == 1
        assert edges[0] % lengths.pop() == 0
        assert edges[0] <= now <= edges[-1]
        assert before is None or edges[0] >= before
        before = edges[0]


def test_on_a_low_screen_processes_that_ended_before_make_room_for_others():
    lanes = ScreenLanes({}, (), RoleColours(), plain=True)

    def take(at, kind, name, pid, role, **data):
        lanes(Event(kind, name, data, at * S, pid, pid, role))

    take(0, "mark", "begins", 1, "main")
    for number in range(30):
        take(0, "mark", "here", 10 + number, f"handler-{number}")
        take(1, "mark", "exited", 1, "main", child_pid=10 + number)
    take(8, "mark", "here", 99, "handler-30")

    def names(height, **options):
        rows = [str(row) for row in lanes.lines(9 * S, 70, height=height, **options)]
        return [row.split()[0] for row in rows if row.startswith(("main ", "handler"))], rows

    drawn, rows = names(12, most_ns=5 * S)
    assert drawn == ["main", "handler-0", "handler-1", "handler-2", "handler-30"]
    assert "... and 27 more lanes" in rows
    assert len(rows) <= 10
    drawn, rows = names(12)
    assert drawn == ["main", *(f"handler-{number}" for number in range(4))]
    assert "... and 27 more lanes (-v)" in rows
