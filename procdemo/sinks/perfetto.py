"""A run as a Chrome trace, for https://ui.perfetto.dev: tracks, bars, counters, arrows.

The form is that of "Trace Event Format" (Chromium), which Perfetto reads as "Chrome JSON": bars are
complete events (``X``), marks instants (``i``), counters ``C``, and an arrow is a pair of flow events
(``s``, ``f``), each inside a short bar of its own, for an arrow is drawn from bar to bar.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import IO, Any

from procdemo.bars import Bar, arrows, bars
from procdemo.events import SUMMARY, Event, Kind
from procdemo.text import facts, printable

_SHORT_NS = 1_000  # length of a bar at the end of an arrow

Row = dict[str, Any]
"""An element of ``traceEvents``."""


class Perfetto:
    """Collects a run, and writes it as one JSON document when it is closed."""

    def __init__(self, file: IO[str]) -> None:
        """Write to `file`, and close it."""
        self._file = file
        self._events: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Take one event."""
        self._events.append(event)

    def flush(self) -> None:
        """Do nothing: the document is written at the end."""

    def close(self) -> None:
        """Write the document."""
        about = next((facts(event.data) for event in self._events if event.name == "meta"), {})
        summary = {"summary": facts(event.data) for event in self._events if event.name == SUMMARY}
        document = {
            "traceEvents": list(_rows(self._events)),
            "displayTimeUnit": "ms",
            "otherData": {**about, **summary},
        }
        with self._file:
            json.dump(document, self._file, separators=(",", ":"))


def _rows(events: list[Event]) -> Iterator[Row]:
    start_ns = min((event.time_ns for event in events), default=0)
    end_ns = max((event.time_ns for event in events), default=0)

    def at(time_ns: int, pid: int, tid: int) -> Row:
        return {"ts": (time_ns - start_ns) / 1e3, "pid": pid, "tid": tid}

    tracks: dict[tuple[int, int], list[tuple[Bar, Row]]] = defaultdict(list)
    for bar in bars(events, end_ns):
        tracks[bar.pid, bar.tid].append((bar, {}))
    for number, arrow in enumerate(arrows(events), start=1):
        for event, flow in ((arrow.sent, {"ph": "s"}), (arrow.received, {"ph": "f", "bp": "e"})):
            tid = event.tid or event.pid
            name, begin_ns = f"{event.name} {event.kind}", event.time_ns
            short = Bar(event.pid, tid, name, begin_ns, begin_ns + _SHORT_NS, event.data)
            flow |= {"cat": "flow", "name": printable(event.name), "id": number}
            tracks[event.pid, tid].append((short, flow))
    yield from _names(events)
    for event in events:
        where = at(event.time_ns, event.pid, event.tid or event.pid)
        if event.kind == Kind.COUNT:
            yield {"ph": "C", "name": event.name, **where, "args": {"value": event.data["value"]}}
        elif event.kind == Kind.MARK and event.name != "meta":
            yield {"ph": "i", "s": "t", "name": event.name, **where, "args": facts(event.data)}
    for (pid, tid), track in tracks.items():
        for number, (bar, flow, fits) in enumerate(_nested(track)):
            name, where = printable(bar.name), at(bar.begin_ns, pid, tid)
            if fits:
                dur = (bar.end_ns - bar.begin_ns) / 1e3
                yield {"ph": "X", "name": name, **where, "dur": dur, "args": facts(bar.data)}
                if flow:
                    yield {**flow, **where}
            else:
                one = {"cat": "bar", "id": f"{tid}-{number}", "name": name}
                yield {"ph": "b", **one, **where, "args": facts(bar.data)}
                yield {"ph": "e", **one, **at(bar.end_ns, pid, tid)}


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


def _nested(track: list[tuple[Bar, Row]]) -> Iterator[tuple[Bar, Row, bool]]:
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
