"""Events in crowds: at most twenty lines a second of one kind, and no event that is not counted."""

from hypothesis import given, settings
from hypothesis import strategies as st

from procdemo.demo.events import Event
from procdemo.render.crowds import LINES_PER_S, Crowds

SECOND_NS = 10**9
WORDS = {"serve.begin": "... and {more} more clients", "serve many": "... and {more} more clients"}


def event(time_ns, **data):
    return Event("begin", "serve", data, time_ns, 1, 1, "worker-0")


def shown(crowds, events, name="serve.begin"):
    lines = [line for each in events for line in crowds.lines_of(name, each, 0)]
    return lines + crowds.rest(0)


def counted(lines):
    """Return how many events have lines of their own, and how many are counted."""
    alone = [line for line in lines if isinstance(line, Event)]
    rest = [line.plain.split("... and ")[1].split()[0] for line in lines if not isinstance(line, Event)]
    return alone, [int(number.replace(",", "")) for number in rest]


@settings(max_examples=50)
@given(st.lists(st.integers(0, SECOND_NS // 4), max_size=80))
def test_no_second_has_more_lines_and_no_event_is_lost(pauses):
    times = [sum(pauses[: number + 1]) for number in range(len(pauses))]
    alone, rest = counted(shown(Crowds(WORDS), [event(time) for time in times]))
    assert len(alone) + sum(rest) == len(times)
    for first, one_too_many in zip(alone, alone[LINES_PER_S:], strict=False):
        assert one_too_many.time_ns >= first.time_ns + SECOND_NS


def test_those_that_were_left_out_are_counted_before_the_next_line():
    crowds = Crowds(WORDS)
    assert counted(shown(crowds, map(event, range(LINES_PER_S))))[1] == []
    assert [crowds.lines_of("serve.begin", event(100), 0) for _ in range(37)] == [[]] * 37
    late = event(2 * SECOND_NS)
    line, last = crowds.lines_of("serve.begin", late, 0)
    assert line.plain == f"  0.000s{'':<21}... and 37 more clients"
    assert last is late
    assert crowds.rest(0) == []


def test_a_batch_stands_for_its_count_and_kinds_are_counted_together():
    crowds = Crowds(WORDS)
    assert crowds.lines_of("serve many", event(1, count=1_200), 0) == []
    (line,) = crowds.rest(0)
    assert line.plain.endswith("... and 1,200 more clients")


def test_a_second_later_they_are_counted_though_no_more_have_come():
    crowds = Crowds(WORDS)
    crowds.lines_of("serve many", event(1, count=3), 0)
    crowds.lines_of("something else", event(2 * SECOND_NS), 0)
    assert len(crowds.overdue(0)) == 1


def test_other_events_have_their_lines():
    events = [event(0) for _ in range(100)]
    assert shown(Crowds(WORDS), events, "died") == events
