"""The lanes in characters: exactly these, and never wider than the screen."""

import pytest
from rich.cells import cell_len

from procdemo.demo.events import Event
from procdemo.demo.states import Activity, State
from procdemo.render.lane_chart import AS_SAID, Window, chart
from procdemo.render.palette import ASCII_TICK, LOOKS, TICK
from procdemo.render.timeline import Counter, Lane, family
from procdemo.render.timeline import lanes as lanes_of

COMPUTING, WAITING, BLOCKED, GONE = State.COMPUTING, State.WAITING, State.BLOCKED, State.GONE
MS = 1_000_000
LANES = [
    Lane("main", 100, [(0, COMPUTING), (100 * MS, WAITING)], []),
    Lane("producer-0", 101, [(100 * MS, COMPUTING), (200 * MS, BLOCKED), (600 * MS, GONE)], []),
    Lane("consumer-0", 102, [(100 * MS, BLOCKED), (300 * MS, COMPUTING)], []),
]
DEPTH = [Counter("in the queue", [(0, 0), (200 * MS, 4), (500 * MS, 8), (900 * MS, 0)])]


def drawn(width, *, plain=False, lanes=LANES, counters=DEPTH, end=1000):
    rows = chart(lanes, counters, Window(0, end * MS), width, plain=plain)
    return [row.head + row.cells for row in rows]


def test_61_cells():
    assert drawn(61) == [
        "main             100 ████────────────────────────────────────",
        "producer-0       101     ████════════════════                ",
        "consumer-0       102     ════════████████████████████████████",
        "in the queue   max 8         ▄▄▄▄▄▄▄▄▄▄▄▄████████████████    ",
        "                     0                  0.5               1 s",
        "█ computing  ─ waiting  ═ blocked",
    ]


def test_ascii():
    assert drawn(41, plain=True) == [
        "main             100 ##------------------",
        "producer-0       101   ##xxxxxxxx        ",
        "consumer-0       102   xxxx##############",
        "in the queue   max 8     ======@@@@@@@@  ",
        "                     0        0.5     1 s",
        "# computing  - waiting  x blocked",
    ]


def test_what_the_demo_said_looks_different_and_is_labelled():
    said = Lane("main", 1, [(0, Activity.ACTIVE), (500 * MS, Activity.WAITS)], [])
    rows = drawn(41, lanes=[said, LANES[0]], counters=[])
    assert rows[0].endswith(" □□□□□□□□□□╌╌╌╌╌╌╌╌╌╌")
    assert rows[-1] == AS_SAID
    assert AS_SAID not in drawn(41)
    shapes = {type(state): {LOOKS[each].glyph for each in type(state)} - {" "} for state in LOOKS}
    assert not shapes[State] & shapes[Activity]


@pytest.mark.parametrize("width", [31, 60, 80, 120, 200])
@pytest.mark.parametrize("plain", [False, True])
def test_no_row_is_too_wide_and_none_too_short(width, plain):
    rows = drawn(width, plain=plain)
    assert {cell_len(row) for row in rows[:5]} == {width}
    assert "computing" in rows[5]
    assert max(cell_len(row) for row in rows) <= max(width, 40), "the legend takes as many rows as it needs"


def test_every_state_has_a_glyph_a_sign_and_a_colour_of_its_own():
    assert set(LOOKS) == {*State, *Activity}
    kernel = [LOOKS[state] for state in State if state is not State.UNSEEN]
    for each in ("glyph", "ascii", "colour", "pattern", "meaning"):
        assert len({getattr(look, each) for look in kernel}) == len(kernel) == 9
    looks = [look for look in LOOKS.values() if look.glyph != " "]
    assert len({look.glyph for look in looks}) == len({look.ascii for look in looks}) == len(looks)
    assert all(look.ascii.isascii() for look in looks)
    assert not {TICK, ASCII_TICK} & {sign for look in looks for sign in (look.glyph, look.ascii)}
    assert [state for state in State if LOOKS[state].glyph == "█"] == [COMPUTING]


def luminance(colour):
    """Relative luminance (WCAG 2.1)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("state", [state for state in LOOKS if LOOKS[state].glyph != " "])
def test_each_colour_is_seen_on_white_and_on_black(state):
    shade = luminance(LOOKS[state].colour)
    assert 1.05 / (shade + 0.05) >= 4, "on white"
    assert (shade + 0.05) / 0.05 >= 3.5, "on black"


def test_a_tick_is_seen_in_the_lane_of_a_process_that_waits():
    lane = Lane("A", 1, [(0, WAITING)], [500 * MS])
    assert drawn(31, lanes=[lane], counters=[])[0].endswith(" ─────│────")
    assert drawn(31, lanes=[lane], counters=[], plain=True)[0].endswith(" -----|----")
    assert drawn(31, lanes=[lane._replace(ticks=[1000 * MS])], counters=[])[0].endswith(" ─────────│")
    assert drawn(31, lanes=[lane], counters=[])[-1] == "─ waiting  │ event"
    assert drawn(31, lanes=[lane._replace(ticks=[])], counters=[])[-1] == "─ waiting"


def test_a_solid_block_stays_one():
    assert drawn(31, lanes=[Lane("A", 1, [(0, COMPUTING)], [500 * MS])], counters=[])[0].endswith(
        " " + "█" * 10
    )


def test_ticks_that_would_hide_the_states_are_left_out():
    lane = Lane("A", 1, [(0, WAITING)], [at * 10 * MS for at in range(100)])
    assert drawn(31, lanes=[lane], counters=[])[0].endswith(" " + "─" * 10)


def test_the_longest_share_of_a_cell_counts():
    lane = Lane("A", 1, [(0, COMPUTING), (30 * MS, WAITING), (100 * MS, GONE)], [])
    assert drawn(31, lanes=[lane], counters=[])[0].endswith(" ─         ")


def test_more_processes_than_fit():
    rows = drawn(60, lanes=[Lane(f"handler-{n}", n, [(0, COMPUTING)], []) for n in range(100)], counters=[])
    assert len(rows) == 24 + 3
    assert rows[24] == "... and 76 more processes"


def test_more_threads_than_fit():
    threads = [Lane("main", 1, [(0, WAITING)], [], 2 + n, f"thread {n}") for n in range(40)]
    assert "... and 16 more lanes" in drawn(60, lanes=threads, counters=[])
    more = Lane("main", 1, [], [], thread="and 1,988 more", more=1988)
    rows = drawn(60, lanes=[*threads[:2], more, *LANES], counters=[])
    assert rows[2] == "  and 1,988 more threads"
    assert rows[3].startswith("main ")


def test_nothing_from_outside_reaches_the_screen():
    row = drawn(60, lanes=[Lane("\x1b[2J\u202e", 1, [(0, COMPUTING)], [])], counters=[])[0]
    assert row.isprintable()


def test_a_run_of_no_time():
    assert len(drawn(60, end=0)) == 6


def test_a_counter_that_stays_at_nothing():
    assert drawn(31, counters=[Counter("depth", [(0, 0), (9, 0)])])[3] == "depth          max 0 " + " " * 10


def test_a_role_with_its_host_has_room():
    lanes = [
        LANES[0],
        Lane("worker-0@hostB", 103, [(0, COMPUTING)], []),
        Lane("worker-1@" + "x" * 60, 104, [(0, COMPUTING)], []),
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
