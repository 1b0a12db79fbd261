"""The axis of lanes that move: as long as ever, and what has not come yet is left free."""

from itertools import pairwise

import pytest

from procdemo.demo.states import State
from procdemo.render.lane_chart import Window, chart
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


def test_a_process_that_ended_long_ago_makes_room_for_others():
    old = [Lane(f"handler-{n}", n, [(0, WAITING), (S, GONE)], []) for n in range(30)]
    rows = drawn(9, lanes=[MAIN, *old, Lane("handler-30", 30, [(8 * S, WAITING)], [])])
    assert [row.split()[0] for row in rows[:2]] == ["main", "handler-30"]
    few = drawn(9, lanes=[MAIN, *old[:3]])
    assert [row.split()[0] for row in few[:4]] == ["main", "handler-0", "handler-1", "handler-2"]
