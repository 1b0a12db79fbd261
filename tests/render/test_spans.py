"""Which begin belongs to which end, and which send to which receive."""

from procdemo.demo.events import Event
from procdemo.render.spans import flows
from procdemo.render.spans import spans as pair_spans


def event(at, kind, name, pid=1, *, tid=0, **data):
    return Event(kind, name, data, at, pid, tid or pid, f"role-{pid}")


def spans(*events, end=99):
    return [(span.name, span.tid, span.begin_ns, span.end_ns) for span in pair_spans(events, end)]


def test_spans_within_spans():
    events = [event(1, "begin", "a"), event(2, "begin", "b"), event(3, "end", "b"), event(4, "end", "a")]
    assert spans(*events) == [("a", 1, 1, 4), ("b", 1, 2, 3)]


def test_the_same_name_twice():
    events = [event(1, "begin", "a"), event(2, "begin", "a"), event(3, "end", "a"), event(4, "end", "a")]
    assert spans(*events) == [("a", 1, 1, 4), ("a", 1, 2, 3)]


def test_spans_of_threads_of_the_same_name():
    events = [event(1, "begin", "a", tid=7), event(2, "begin", "a", tid=8), event(3, "end", "a", tid=7)]
    assert spans(*events) == [("a", 7, 1, 3), ("a", 8, 2, 99)]


def test_another_thread_may_end_a_span_but_no_other_process():
    assert spans(event(1, "begin", "a", tid=7), event(3, "end", "a", tid=8)) == [("a", 7, 1, 3)]
    assert spans(event(1, "begin", "a"), event(3, "end", "a", 2)) == [("a", 1, 1, 99)]


def test_an_end_alone_makes_no_span():
    assert spans(event(3, "end", "a")) == []


def test_data_of_both_ends():
    (span,) = pair_spans([event(1, "begin", "a", x=1, y=1), event(2, "end", "a", y=2, z=3)], 9)
    assert span.data == {"x": 1, "y": 2, "z": 3}


def test_a_flow_has_the_same_name_and_id():
    sent, other = event(1, "send", "bun", id=4), event(2, "send", "bun", id=5)
    received = event(3, "receive", "bun", 2, id=4)
    assert flows([sent, other, received, event(4, "receive", "cake", 2, id=5)]) == [(sent, received)]


def test_what_is_sent_again_arrives_again():
    events = [event(at, kind, "item", id=1) for at, kind in enumerate(["send", "send", "receive", "receive"])]
    assert [(a.sent.time_ns, a.received.time_ns) for a in flows(events)] == [(0, 2), (1, 3)]


def test_nothing_arrives_before_it_is_sent():
    events = [event(2, "send", "bun", id=1), event(1, "receive", "bun", 2, id=1)]
    assert [(a.sent.time_ns, a.received.time_ns) for a in flows(events)] == [(0, 1)]


def test_of_two_that_were_sent_and_one_that_came_it_was_the_second():
    events = [event(at, kind, "item", id=1) for at, kind in enumerate(["send", "send", "receive"])]
    assert [(a.sent.time_ns, a.received.time_ns) for a in flows(events)] == [(1, 2)]
    assert flows(events[2:]) == []
