"""A run as a Chrome trace, for https://ui.perfetto.dev: tracks, spans, counters, flows.

The form is that of "Trace Event Format" (Chromium), which Perfetto reads as "Chrome JSON". Spans are complete
events (``X``), marks are instants (``i``), counters are ``C``. A flow is a pair of flow events (``s`` and
``f``); each lies within a short span of its own, because Perfetto draws an arrow from bar to bar. What the
kernel says of a thread is a track of its own.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import IO, Any

from procdemo.demo.events import META, SUMMARY, Event, Kind
from procdemo.demo.states import State
from procdemo.demo.text import facts, printable
from procdemo.render.kernel_lanes import ProcessStates, states_by_process
from procdemo.render.spans import Span, flows, spans

_STATES_TID = 1 << 22
"""Added to the ID of a thread for the track of its states; it is above all thread IDs (proc(5), pid_max)."""

_SHORT_NS = 1_000  # length of the short span at each end of a flow

TraceEvent = dict[str, Any]
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
        events = [event for event in self._events if event.kind != Kind.STATE]
        states = states_by_process(self._events)
        about = {key: value for event in events if event.name == META for key, value in event.data.items()}
        about[SUMMARY] = next((event.data for event in reversed(events) if event.name == SUMMARY), None)
        start_ns = min((event.time_ns for event in self._events), default=0)
        trace = _Trace(events, start_ns)
        drawn = [*_names(events, states), *trace.trace_events(), *trace.states(states)]
        document = {"traceEvents": drawn, "displayTimeUnit": "ms", "otherData": facts(about)}
        # dump() has no encoder in C; nothing in a document made here contains itself
        self._file.write(json.dumps(document, separators=(",", ":"), check_circular=False))


class _Trace:
    """The trace events of a run."""

    def __init__(self, events: list[Event], start_ns: int) -> None:
        self._events = events
        self._start_ns = start_ns
        self._end_ns = max((event.time_ns for event in events), default=0)

    def trace_events(self) -> Iterator[TraceEvent]:
        """Yield marks and counters, then the spans and flows of each track."""
        for event in self._events:
            if event.kind == Kind.COUNT:  # in main's track: counted by several processes, it is still one
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
        tracks: dict[tuple[int, int], list[tuple[Span, TraceEvent]]] = defaultdict(list)
        whole = ((span, TraceEvent()) for span in spans(self._events, self._end_ns))
        for span, flow in chain(whole, self._ends_of_flows()):
            tracks[span.pid, span.tid].append((span, flow))
        for track in tracks.values():
            for number, (span, flow, fits) in enumerate(_nested(track)):
                yield from self._span(span, flow) if fits else self._apart(span, number)

    def states(self, processes: dict[int, ProcessStates]) -> Iterator[TraceEvent]:
        """Yield what each thread did, as the kernel says, until it was gone."""
        for pid, process in processes.items():
            for tid, thread in process.threads.items():
                last_ns = max(self._end_ns, thread.changes[-1][0])
                for (begin_ns, state), (end_ns, _) in pairwise([*thread.changes, (last_ns, State.GONE)]):
                    if state not in {State.GONE, State.UNSEEN}:
                        where = self._at(begin_ns, pid, tid + _STATES_TID)
                        dur = (end_ns - begin_ns - 1) / 1e3  # or two could overlap, rounded
                        yield {"ph": "X", "name": str(state), **where, "dur": dur, "args": {}}

    def _at(self, time_ns: int, pid: int, tid: int) -> TraceEvent:
        return {"ts": (time_ns - self._start_ns) / 1e3, "pid": pid, "tid": tid}

    def _ends_of_flows(self) -> Iterator[tuple[Span, TraceEvent]]:
        """Yield a short span for each send and each receive, with its flow event."""
        for number, pair in enumerate(flows(self._events), start=1):
            for event, flow in ((pair.sent, {"ph": "s"}), (pair.received, {"ph": "f", "bp": "e"})):
                name, begin_ns = f"{event.name} {event.kind}", event.time_ns
                tid = event.tid or event.pid
                short = Span(event.pid, tid, name, begin_ns, begin_ns + _SHORT_NS, event.data)
                yield short, {**flow, "cat": "flow", "name": printable(event.name), "id": number}

    def _span(self, span: Span, flow: TraceEvent) -> Iterator[TraceEvent]:
        where = self._at(span.begin_ns, span.pid, span.tid)
        dur = (span.end_ns - span.begin_ns) / 1e3
        yield {"ph": "X", "name": printable(span.name), **where, "dur": dur, "args": facts(span.data)}
        if flow:
            yield {**flow, **where}

    def _apart(self, span: Span, number: int) -> Iterator[TraceEvent]:
        """Yield a span that overlaps others as a track of its own."""
        one = {"cat": "bar", "id": f"{span.tid}-{number}", "name": printable(span.name)}
        yield {"ph": "b", **one, **self._at(span.begin_ns, span.pid, span.tid), "args": facts(span.data)}
        yield {"ph": "e", **one, **self._at(span.end_ns, span.pid, span.tid)}


def _names(events: list[Event], states: dict[int, ProcessStates]) -> Iterator[TraceEvent]:
    """Yield the names of processes and threads: main first, the others in order of appearance."""
    roles = {event.pid: event.role for event in events}
    roles |= {pid: process.role for pid, process in states.items() if pid not in roles}
    for place, (pid, role) in enumerate(sorted(roles.items(), key=lambda each: each[1] != "main")):
        name = {"name": printable(role)}
        yield {"ph": "M", "name": "process_name", "pid": pid, "args": name}
        yield {"ph": "M", "name": "process_sort_index", "pid": pid, "args": {"sort_index": place}}
    for pid, tid in dict.fromkeys((event.pid, event.tid or event.pid) for event in events):
        name = {"name": printable(roles[pid] if tid == pid else f"thread {tid}")}
        yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": name}
    for pid, process in states.items():
        for tid, thread in process.threads.items():
            name = {"name": f"{printable(thread.name)}, as the kernel says"}
            yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid + _STATES_TID, "args": name}


def _nested(track: list[tuple[Span, TraceEvent]]) -> Iterator[tuple[Span, TraceEvent, bool]]:
    """Yield the spans of one thread, each with whether it lies within the spans around it, as a track needs.

    The short span of a flow is cut to fit.
    """
    around: list[int] = []  # the ends of the spans that have begun, the innermost last
    track.sort(key=lambda each: (each[0].begin_ns, -each[0].end_ns))
    for place, (span, flow) in enumerate(track):
        while around and around[-1] <= span.begin_ns:
            around.pop()
        if flow:
            next_ns = track[place + 1][0].begin_ns if place + 1 < len(track) else span.end_ns
            yield span._replace(end_ns=min(span.end_ns, next_ns, *around[-1:])), flow, True
        elif around and span.end_ns > around[-1]:
            yield span, flow, False
        else:
            around.append(span.end_ns)
            yield span, flow, True
