"""A run as a Chrome trace, for https://ui.perfetto.dev: tracks, bars, counters, arrows.

The form is that of "Trace Event Format" (Chromium), which Perfetto reads as "Chrome JSON": bars are
complete events (``X``), marks instants (``i``), counters ``C``, and an arrow is a pair of flow events
(``s``, ``f``), each inside a short bar of its own, for an arrow is drawn from bar to bar.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from typing import IO, Any

from procdemo.demo.events import META, SUMMARY, Event, Kind
from procdemo.demo.text import facts, printable
from procdemo.render.spans import Span, flows, spans

_SHORT_NS = 1_000  # length of a bar at the end of an arrow

Row = dict[str, Any]
"""An element of ``traceEvents``."""


class Perfetto:
    """Collects a run, and writes it as one JSON document when it is closed."""

    def __init__(self, file: IO[str]) -> None:
        """Write to `file`."""
        self._file = file
        self._events: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Take one event."""
        self._events.append(event)

    def flush(self) -> None:
        """Do nothing: the document is written at the end."""

    def close(self) -> None:
        """Write the document."""
        events = self._events
        about = {key: value for event in events if event.name == META for key, value in event.data.items()}
        about[SUMMARY] = next((event.data for event in reversed(events) if event.name == SUMMARY), None)
        trace = [*_names(events), *_Trace(events).rows()]
        document = {"traceEvents": trace, "displayTimeUnit": "ms", "otherData": facts(about)}
        # dump() has no encoder in C; nothing in a document made here contains itself
        self._file.write(json.dumps(document, separators=(",", ":"), check_circular=False))


class _Trace:
    """The rows of a run."""

    def __init__(self, events: list[Event]) -> None:
        self._events = events
        self._start_ns = min((event.time_ns for event in events), default=0)
        self._end_ns = max((event.time_ns for event in events), default=0)

    def rows(self) -> Iterator[Row]:
        """Yield marks and counters, then bars and arrows, a track after the other."""
        for event in self._events:
            if event.kind == Kind.COUNT:  # one counter, whoever counts: each process would have its own
                first = self._events[0].pid
                where = self._at(event.time_ns, first, first)
                yield {
                    "ph": "C",
                    "name": printable(event.name),
                    **where,
                    "args": {"value": event.data["value"]},
                }
            elif event.kind == Kind.MARK and event.name != META:
                where = self._at(event.time_ns, event.pid, event.tid or event.pid)
                yield {"ph": "i", "s": "t", "name": printable(event.name), **where, "args": facts(event.data)}
        tracks: dict[tuple[int, int], list[tuple[Span, Row]]] = defaultdict(list)
        whole = ((bar, Row()) for bar in spans(self._events, self._end_ns))
        for bar, flow in chain(whole, self._ends_of_arrows()):
            tracks[bar.pid, bar.tid].append((bar, flow))
        for track in tracks.values():
            for number, (bar, flow, fits) in enumerate(_nested(track)):
                yield from self._bar(bar, flow) if fits else self._apart(bar, number)

    def _at(self, time_ns: int, pid: int, tid: int) -> Row:
        return {"ts": (time_ns - self._start_ns) / 1e3, "pid": pid, "tid": tid}

    def _ends_of_arrows(self) -> Iterator[tuple[Span, Row]]:
        for number, arrow in enumerate(flows(self._events), start=1):
            for event, flow in ((arrow.sent, {"ph": "s"}), (arrow.received, {"ph": "f", "bp": "e"})):
                name, begin_ns = f"{event.name} {event.kind}", event.time_ns
                tid = event.tid or event.pid
                short = Span(event.pid, tid, name, begin_ns, begin_ns + _SHORT_NS, event.data)
                yield short, {**flow, "cat": "flow", "name": printable(event.name), "id": number}

    def _bar(self, bar: Span, flow: Row) -> Iterator[Row]:
        where = self._at(bar.begin_ns, bar.pid, bar.tid)
        dur = (bar.end_ns - bar.begin_ns) / 1e3
        yield {"ph": "X", "name": printable(bar.name), **where, "dur": dur, "args": facts(bar.data)}
        if flow:
            yield {**flow, **where}

    def _apart(self, bar: Span, number: int) -> Iterator[Row]:
        """Yield a bar that overlaps others, as a track of its own."""
        one = {"cat": "bar", "id": f"{bar.tid}-{number}", "name": printable(bar.name)}
        yield {"ph": "b", **one, **self._at(bar.begin_ns, bar.pid, bar.tid), "args": facts(bar.data)}
        yield {"ph": "e", **one, **self._at(bar.end_ns, bar.pid, bar.tid)}


def _names(events: list[Event]) -> Iterator[Row]:
    """Yield the names of processes and threads: main first, the others as they came."""
    roles = {event.pid: event.role for event in events}
    for place, (pid, role) in enumerate(sorted(roles.items(), key=lambda each: each[1] != "main")):
        name = {"name": printable(role)}
        yield {"ph": "M", "name": "process_name", "pid": pid, "args": name}
        yield {"ph": "M", "name": "process_sort_index", "pid": pid, "args": {"sort_index": place}}
    for pid, tid in dict.fromkeys((event.pid, event.tid or event.pid) for event in events):
        name = {"name": printable(roles[pid] if tid == pid else f"thread {tid}")}
        yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": name}


def _nested(track: list[tuple[Span, Row]]) -> Iterator[tuple[Span, Row, bool]]:
    """Yield the bars of one thread, each with whether it lies within those around it, as a track needs.

    The short bar of an arrow is cut to fit.
    """
    around: list[int] = []  # where those end that have begun
    track.sort(key=lambda each: (each[0].begin_ns, -each[0].end_ns))
    for place, (bar, flow) in enumerate(track):
        while around and around[-1] <= bar.begin_ns:
            around.pop()
        if flow:
            next_ns = track[place + 1][0].begin_ns if place + 1 < len(track) else bar.end_ns
            yield bar._replace(end_ns=min(bar.end_ns, next_ns, *around[-1:])), flow, True
        elif around and bar.end_ns > around[-1]:
            yield bar, flow, False
        else:
            around.append(bar.end_ns)
            yield bar, flow, True
