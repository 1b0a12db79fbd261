"""Bars and arrows: which begin belongs to which end, and which send to which receive."""

from collections import defaultdict
from collections.abc import Iterable
from operator import attrgetter
from typing import Any, NamedTuple

from procdemo.demo.events import Event, Kind


class Span(NamedTuple):
    """What a thread did for a while."""

    pid: int
    tid: int
    name: str
    begin_ns: int
    """`time.monotonic_ns`."""
    end_ns: int
    data: dict[str, Any]
    """Of its begin and, above that, of its end."""


class Flow(NamedTuple):
    """Something that left a process and arrived in another."""

    sent: Event
    received: Event


def spans(events: Iterable[Event], end_ns: int) -> list[Span]:
    """Return the bars of a run; what was never ended lasts until `end_ns`.

    An end belongs to the last begin of that name in its thread or, failing that, in its process.
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
            found.append(_bar(begin, event.time_ns, event.data))
    found.extend(_bar(begin, end_ns, {}) for same in begun.values() for begin in same)
    return sorted(found, key=lambda bar: (bar.begin_ns, -bar.end_ns))


def flows(events: Iterable[Event]) -> list[Flow]:
    """Return what was sent and received: the same name and ``id``, the first with the first.

    If more was sent than arrived, the last that was sent before has arrived: what was given to a
    worker that is dead was given to another. An event may also tell of a sending that is over, and
    so come after the arrival: then it was just before that.
    """
    sent: dict[tuple[str, str], list[Event]] = defaultdict(list)
    received: dict[tuple[str, str], list[Event]] = defaultdict(list)
    ends = {Kind.SEND: sent, Kind.RECEIVE: received}
    for event in sorted(events, key=attrgetter("time_ns")):
        if event.kind in ends:
            ends[Kind(event.kind)][event.name, str(event.data.get("id"))].append(event)
    found = []
    for same, arrivals in received.items():
        for arrival in arrivals:
            if not sent[same]:
                break
            some_lost = len(sent[same]) > len(arrivals)
            before = [one for one in sent[same] if one.time_ns <= arrival.time_ns] if some_lost else []
            one = before[-1] if before else sent[same][0]
            sent[same].remove(one)
            found.append(Flow(one._replace(time_ns=min(one.time_ns, arrival.time_ns - 1)), arrival))
    return sorted(found, key=lambda arrow: arrow.received.time_ns)


def _bar(begin: Event, end_ns: int, data: dict[str, Any]) -> Span:
    return Span(begin.pid, begin.tid or begin.pid, begin.name, begin.time_ns, end_ns, {**begin.data, **data})
