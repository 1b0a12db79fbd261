"""Spans and flows: which begin belongs to which end, and which send to which receive.

A picture draws a span as a bar, and a flow as an arrow.
"""

from collections import defaultdict
from collections.abc import Iterable
from operator import attrgetter
from typing import Any, NamedTuple

from procdemo.demo.events import Event, Kind


class Span(NamedTuple):
    """What a thread did between a begin and its end."""

    pid: int
    tid: int
    name: str
    begin_ns: int
    """`time.monotonic_ns`."""
    end_ns: int
    data: dict[str, Any]
    """Of its begin and of its end; for a key that both have, of its end."""


class Flow(NamedTuple):
    """Something that one process has sent and another has received."""

    sent: Event
    received: Event


def spans(events: Iterable[Event], end_ns: int) -> list[Span]:
    """Return the spans of a run; one without an end lasts until `end_ns`.

    An end belongs to the last begin of its name in the same thread; if there is none, in the same process.
    """
    begun: dict[tuple[int, str], list[Event]] = defaultdict(list)
    found = []
    for event in sorted(events, key=attrgetter("time_ns")):
        same = begun[event.pid, event.name]
        if event.kind == Kind.BEGIN:
            same.append(event)
        elif event.kind == Kind.END and same:
            begin = next((each for each in reversed(same) if each.tid == event.tid), same[-1])
            same.remove(begin)
            found.append(_span(begin, event.time_ns, event.data))
    found.extend(_span(begin, end_ns, {}) for same in begun.values() for begin in same)
    return sorted(found, key=lambda span: (span.begin_ns, -span.end_ns))


def flows(events: Iterable[Event]) -> list[Flow]:
    """Return the flows of a run: pairs of a send and a receive of the same name and ``id``, in their order.

    If there are more sends than receives (a task was handed out again, because its worker died), a receive
    belongs to the latest send before it. A send may have a later time than its receive, because it is
    reported when it is done; then it is put just before the receive.
    """
    sent: dict[tuple[str, str], list[Event]] = defaultdict(list)
    received: dict[tuple[str, str], list[Event]] = defaultdict(list)
    ends = {Kind.SEND: sent, Kind.RECEIVE: received}
    for event in sorted(events, key=attrgetter("time_ns")):
        if event.kind in ends:
            ends[Kind(event.kind)][event.name, str(event.data.get("id"))].append(event)
    found = []
    for key, arrivals in received.items():
        for arrival in arrivals:
            if not sent[key]:
                break
            some_lost = len(sent[key]) > len(arrivals)
            before = [one for one in sent[key] if one.time_ns <= arrival.time_ns] if some_lost else []
            one = before[-1] if before else sent[key][0]
            sent[key].remove(one)
            found.append(Flow(one._replace(time_ns=min(one.time_ns, arrival.time_ns - 1)), arrival))
    return sorted(found, key=lambda flow: flow.received.time_ns)


def _span(begin: Event, end_ns: int, data: dict[str, Any]) -> Span:
    return Span(begin.pid, begin.tid or begin.pid, begin.name, begin.time_ns, end_ns, {**begin.data, **data})
