"""A run as one HTML file: lanes, counters under the same zoom, arrows, and the tables.

It needs no network: Apache ECharts is in it. Whatever the run says is JSON within the page, and
reaches the reader as text.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from contextlib import nullcontext
from importlib.resources import files
from typing import IO, Any, TypeVar

from procdemo.bars import arrows, bars
from procdemo.chart import MEANING
from procdemo.events import SUMMARY, Event, Kind
from procdemo.lanes import Doing, counters, lanes
from procdemo.text import facts, printable

_Stroke = TypeVar("_Stroke")

_MOST = 20_000
"""Bars, marks, arrows, changes of a lane, points of a counter: more of each would not be drawn in time."""

_STATES = list(Doing)


class Html:
    """Collects a run, and writes the page when it is closed."""

    def __init__(self, file: IO[str], states: Mapping[str, Doing]) -> None:
        """Write to `file`, and close it; `states` says what processes do in which bar."""
        self._file = file
        self._states = states
        self._events: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Take one event."""
        self._events.append(event)

    def flush(self) -> None:
        """Do nothing: the page is written at the end."""

    def close(self) -> None:
        """Write the page."""
        here = files("procdemo.sinks")
        run = json.dumps(_Run(self._events, self._states).told(), separators=(",", ":"))
        parts = {
            "RUN": run.replace("<", "\\u003c"),  # or a text could end the element that it is in
            "ECHARTS": files("procdemo.vendor").joinpath("echarts.min.js").read_text("utf-8"),
            "DRAW": here.joinpath("lanes.js").read_text("utf-8"),
            "PAGE": here.joinpath("page.js").read_text("utf-8"),
        }
        form = here.joinpath("page.html").read_text("utf-8")
        with self._file if self._file is not sys.stdout else nullcontext():
            self._file.write(re.sub("@([A-Z]+)@", lambda place: parts[place[1]], form))


class _Run:
    """A run as the page's script wants it: short, for there may be tens of thousands of strokes.

    Times are microseconds since the start, lanes, states and kinds are places in lists. A kind is
    a name and the keys of its data; whatever has one ends with the values of these keys.
    """

    def __init__(self, events: list[Event], states: Mapping[str, Doing]) -> None:
        self._events = events
        self._start_ns = min((event.time_ns for event in events), default=0)
        self._end_ns = max((event.time_ns for event in events), default=0)
        self._lanes = lanes(events, states)
        self._rows = {lane.pid: row for row, lane in enumerate(self._lanes)}
        self._kinds: dict[tuple[str, ...], int] = {}
        self._left_out = 0

    def told(self) -> dict[str, Any]:
        """Return all that is drawn."""
        about = next((event.data for event in self._events if event.name == "meta"), {})
        how = "Python {python}, start method {start_method}, {cpus} usable CPUs"
        told = {
            "title": printable(f"{about.get('command', '')} - {about.get('summary', '')}"),
            "about": printable(how.format_map(defaultdict(str, about))),
            "us": self._us(self._end_ns),
            "states": [[state, MEANING[state]] for state in _STATES],
            "lanes": self._drawn_lanes(),
            "arrows": self._drawn_arrows(),
            "counters": self._drawn_counters(),
            "kinds": list(self._kinds),
            "tables": self._tables(),
        }
        note = f"{self._left_out:,} strokes are left out: more than can be drawn." if self._left_out else ""
        return {**told, "note": note}

    def _us(self, time_ns: int) -> int:
        return (time_ns - self._start_ns) // 1000

    def _some(self, strokes: list[_Stroke]) -> list[_Stroke]:
        self._left_out += max(len(strokes) - _MOST, 0)
        return strokes[:_MOST]

    def _told(self, name: str, data: Mapping[str, Any]) -> list[Any]:
        shown = facts(data)
        return [self._kinds.setdefault((printable(name), *shown), len(self._kinds)), *shown.values()]

    def _drawn_lanes(self) -> list[dict[str, Any]]:
        drawn: list[dict[str, Any]] = []
        for lane in self._lanes:
            changes = [[self._us(since), _STATES.index(state)] for since, state in self._some(lane.changes)]
            until = self._us(lane.changes[_MOST][0] if len(lane.changes) > _MOST else self._end_ns)
            whose = {"role": printable(lane.role), "pid": lane.pid}
            drawn.append({**whose, "changes": changes, "until": until, "bars": [], "marks": []})
        for bar in self._some(bars(self._events, self._end_ns)):
            stroke = [self._us(bar.begin_ns), self._us(bar.end_ns), *self._told(bar.name, bar.data)]
            drawn[self._rows[bar.pid]]["bars"].append(stroke)
        marks = [event for event in self._events if event.kind == Kind.MARK and event.name != "meta"]
        for mark in self._some([event for event in marks if event.pid in self._rows]):
            drawn[self._rows[mark.pid]]["marks"].append(
                [self._us(mark.time_ns), *self._told(mark.name, mark.data)]
            )
        return drawn

    def _drawn_arrows(self) -> list[list[Any]]:
        return [
            [
                *(self._rows[sent.pid], self._us(sent.time_ns)),
                *(self._rows[received.pid], self._us(received.time_ns)),
                *self._told(sent.name, sent.data),
            ]
            for sent, received in self._some(arrows(self._events))
        ]

    def _drawn_counters(self) -> list[dict[str, Any]]:
        return [
            {
                "name": printable(counter.name),
                "values": [[self._us(at_ns), value] for at_ns, value in self._some(counter.values)],
            }
            for counter in counters(self._events)
        ]

    def _tables(self) -> dict[str, list[dict[str, Any]]]:
        tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in self._events:
            if event.kind == Kind.RESULT:
                tables[printable(event.name)].append(facts(event.data))
        return dict(sorted(tables.items(), key=lambda table: table[0] == SUMMARY))
