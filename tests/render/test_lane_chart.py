"""The lanes in characters: exactly these, and never wider than the screen."""

import pytest
from rich.cells import cell_len

from procdemo.demo.events import Event
from procdemo.demo.states import Activity
from procdemo.render.lane_chart import ASCII, GLYPHS, chart
from procdemo.render.timeline import Counter, Lane, family
from procdemo.render.timeline import lanes as lanes_of

RUNS, WAITS, BLOCKED, GONE = Activity.RUNS, Activity.WAITS, Activity.BLOCKED, Activity.GONE
MS = 1_000_000
LANES = [
    Lane("main", 100, [(0, RUNS), (100 * MS, WAITS)], []),
    Lane("producer-0", 101, [(100 * MS, RUNS), (200 * MS, BLOCKED), (600 * MS, GONE)], []),
    Lane("consumer-0", 102, [(100 * MS, BLOCKED), (300 * MS, RUNS)], []),
]
DEPTH = [Counter("in the queue", [(0, 0), (200 * MS, 4), (500 * MS, 8), (900 * MS, 0)])]


def drawn(width, *, plain=False, lanes=LANES, counters=DEPTH, end=1000):
    rows = chart(lanes, counters, 0, end * MS, width, plain=plain)
    return [row.head + row.cells for row in rows]


def test_61_cells():
    assert drawn(61) == [
        "main             100 ████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒",
        "producer-0       101     ████░░░░░░░░░░░░░░░░················",
        "consumer-0       102     ░░░░░░░░████████████████████████████",
        "in the queue   max 8         ▄▄▄▄▄▄▄▄▄▄▄▄████████████████    ",
        "                     0                  0.5               1 s",
        "█ runs  ░ blocked: queue full or empty",
        "▒ waits for another process  · gone",
    ]


def test_ascii():
    assert drawn(41, plain=True) == [
        "main             100 ##==================",
        "producer-0       101   ##--------........",
        "consumer-0       102   ----##############",
        "in the queue   max 8     ======@@@@@@@@  ",
        "                     0        0.5     1 s",
        "# runs  - blocked: queue full or empty",
        "= waits for another process  . gone",
    ]


@pytest.mark.parametrize("width", [31, 60, 80, 120, 200])
@pytest.mark.parametrize("plain", [False, True])
def test_no_row_is_too_wide_and_none_too_short(width, plain):
    rows = drawn(width, plain=plain)
    assert {cell_len(row) for row in rows[:5]} == {width}
    assert "runs" in rows[5]
    assert max(cell_len(row) for row in rows) <= max(width, 40), "the legend takes as many rows as it needs"


def test_every_state_has_a_glyph_of_its_own():
    assert len(set(GLYPHS.values())) == len(set(ASCII.values())) == len(Activity)
    assert all(glyph.isascii() for glyph in ASCII.values())


def test_a_mark_is_seen_in_the_lane_of_a_process_that_waits():
    lane = Lane("A", 1, [(0, WAITS)], [500 * MS])
    assert drawn(31, lanes=[lane], counters=[])[0].endswith(" ▒▒▒▒▒█▒▒▒▒")


def test_the_longest_share_of_a_cell_counts():
    lane = Lane("A", 1, [(0, RUNS), (30 * MS, WAITS), (100 * MS, GONE)], [])
    assert drawn(31, lanes=[lane], counters=[])[0].endswith(" ▒·········")


def test_more_processes_than_fit():
    rows = drawn(60, lanes=[Lane(f"handler-{n}", n, [(0, RUNS)], []) for n in range(100)], counters=[])
    assert len(rows) == 24 + 3
    assert rows[24] == "... and 76 more processes"


def test_nothing_from_outside_reaches_the_screen():
    row = drawn(60, lanes=[Lane("\x1b[2J\u202e", 1, [(0, RUNS)], [])], counters=[])[0]
    assert row.isprintable()


def test_a_run_of_no_time():
    assert len(drawn(60, end=0)) == 7


def test_a_counter_that_stays_at_nothing():
    assert drawn(31, counters=[Counter("depth", [(0, 0), (9, 0)])])[3] == "depth          max 0 " + " " * 10


def test_a_role_with_its_host_has_room():
    lanes = [
        LANES[0],
        Lane("worker-0@hostB", 103, [(0, RUNS)], []),
        Lane("worker-1@" + "x" * 60, 104, [(0, RUNS)], []),
    ]
    main, near, far, *_ = drawn(61, lanes=lanes, counters=[])
    assert near.startswith("worker-0@hostB               103 █")
    assert far.startswith(f"worker-1@{'x' * 15}     104 █")
    assert len(main) == len(near) == len(far) == 61


def test_hosts_share_a_family_and_go_by_number():
    events = [
        Event("mark", "ready", {}, 1, pid, pid, role) for pid, role in ((1, "worker-10@b"), (2, "worker-9@c"))
    ]
    assert family("worker-10@b") == family("worker-9") == "worker"
    assert [lane.role for lane in lanes_of(events, {})] == ["worker-9@c", "worker-10@b"]
