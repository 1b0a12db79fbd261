"""A run as one HTML file: lanes, counters under the same zoom, arrows, and the tables.

If threads of a program that hangs were reported, their wait-for graph stands above the lanes, and the source
below; `procdemo.render.wait_pictures` says which events make them. The page needs no network: Apache ECharts
is in it. All data of the run are JSON within the page, and are shown as text, never as markup.
"""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import IO, Any, TypeVar

from procdemo.demo.events import CODE, META, SUMMARY, THREAD, Event, Kind
from procdemo.demo.states import Activity
from procdemo.demo.text import facts, printable
from procdemo.render import parents
from procdemo.render.lane_chart import AS_SAID
from procdemo.render.palette import LOOKS
from procdemo.render.spans import flows, spans
from procdemo.render.timeline import Lane, counters, lanes
from procdemo.render.wait_pictures import row_of_table, sources, wait_pictures

_Stroke = TypeVar("_Stroke")
_STATES = list(LOOKS)

_MOST = 20_000
"""Bars, marks, arrows, points of a counter: more of each cannot be seen, and would take too long to draw."""


class Html:
    """Collects a run, and writes the page when it is closed."""

    def __init__(
        self,
        file: IO[str],
        activities: Mapping[str, Activity],
        threads: Collection[str] = (),
        *,
        helpers: bool = False,
        reasons: Mapping[str, str] | None = None,
    ) -> None:
        """Write to `file`; `reasons` are those of a `Story`, the rest is as in `timeline.lanes`."""
        self._file = file
        self._activities = activities
        self._threads = threads
        self._helpers = helpers
        self._reasons = reasons or {}
        self._events: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Take one event."""
        self._events.append(event)

    def flush(self) -> None:
        """Do nothing: the page is written at the end."""

    def close(self) -> None:
        """Write the page."""
        drawn = lanes(self._events, self._activities, self._threads, helpers=self._helpers)
        run = json.dumps(_PageData(self._events, drawn, self._reasons).of_run(), separators=(",", ":"))
        parts = {
            "RUN": run.replace("<", "\\u003c"),  # otherwise a text could end the element that it is in
            "ECHARTS": files("procdemo.render.vendor").joinpath("echarts.min.js").read_text("utf-8"),
            "LANES": files("procdemo.render").joinpath("lanes.js").read_text("utf-8"),
            "GRAPH": files("procdemo.render").joinpath("graph.js").read_text("utf-8"),
            "PAGE": files("procdemo.render").joinpath("page.js").read_text("utf-8"),
        }
        form = files("procdemo.render").joinpath("page.html").read_text("utf-8")
        for text in re.split("@(RUN|ECHARTS|LANES|GRAPH|PAGE)@", form):
            self._file.write(parts.get(text, text))


class _PageData:
    """A run as the page's script needs it: times in milliseconds since the start, lanes by number.

    A stroke is a bar, a mark or an arrow. Its name and the keys of its data are its shape. A stroke has the
    number of its shape, and the values of its data.
    """

    def __init__(self, events: list[Event], drawn: list[Lane], reasons: Mapping[str, str]) -> None:
        self._events = events
        self._reasons = reasons
        self._start_ns = min((event.time_ns for event in events), default=0)
        self._end_ns = max((event.time_ns for event in events), default=0)
        self._lanes = drawn
        self._rows = {(lane.pid, lane.tid): row for row, lane in enumerate(self._lanes) if not lane.more}
        self._pids = {lane.pid for lane in self._lanes}
        self._shapes: dict[tuple[str, ...], int] = {}
        self._left_out = 0

    def of_run(self) -> dict[str, Any]:
        """Return all that is drawn."""
        about = next((event.data for event in self._events if event.name == META), {})
        method = ", start method {start_method}" if about.get("start_method") else ""
        how = f"Python {{python}}{method}, {{cpus}} usable CPUs"
        how += " ({cpus_limit})" if about.get("cpus_limit") else ""
        data = {
            "title": printable(f"{about.get('command', '')} - {about.get('summary', '')}"),
            "about": printable(how.format_map(defaultdict(str, about))),
            "ms": self._ms(self._end_ns),
            "looks": {state: (look.colour, look.pattern, look.meaning) for state, look in LOOKS.items()},
            "lanes": self._drawn_lanes(),
            "arrows": self._drawn_arrows(),
            "counters": self._drawn_counters(),
            "tables": self._tables(),
            "graphs": wait_pictures(self._events),
            "sources": sources(self._events),
            "shapes": list(self._shapes),
            "reasons": {name: self._reasons[name] for name, *_ in self._shapes if name in self._reasons},
        }
        notes = [f"{self._left_out} strokes are left out: more than can be drawn."] if self._left_out else []
        if not all(lane.sampled or lane.more for lane in self._lanes):
            notes.append(f"Outlined bars: {AS_SAID}.")
        notes += [f"{words}." for words in (*parents.zombies(self._lanes), *parents.orphaned(self._lanes))]
        return {**data, "note": " ".join(notes)}

    def _ms(self, time_ns: int) -> float:
        return round((time_ns - self._start_ns) / 1e6, 3)

    def _row(self, pid: int, tid: int) -> int:
        """Return the row of a thread, or of its process; of its main thread if the thread was not seen."""
        return next(self._rows[one] for one in ((pid, tid), (pid, 0), (pid, pid)) if one in self._rows)

    def _shaped(self, name: str, data: Mapping[str, Any]) -> list[Any]:
        shown = facts(data)
        shape = (printable(name), *shown)
        return [self._shapes.setdefault(shape, len(self._shapes)), *shown.values()]

    def _some(self, strokes: list[_Stroke]) -> list[_Stroke]:
        self._left_out += max(len(strokes) - _MOST, 0)
        return strokes[:_MOST]

    def _drawn_lanes(self) -> list[dict[str, Any]]:
        drawn: list[dict[str, Any]] = []
        for lane in self._lanes:
            changes = [[self._ms(since), _STATES.index(state)] for since, state in lane.changes]
            role = printable(f"{lane.role} {lane.thread}".strip()) + (" threads" if lane.more else "")
            name = f"{lane.thread or lane.role}  {lane.tid if lane.thread else lane.pid}"
            row = {
                "role": role,
                "label": role if lane.more else printable(name),
                "pid": lane.pid,
                "tid": lane.tid,
                "changes": changes,
                "helper": lane.helper,
            }
            drawn.append({**row, "bars": [], "marks": []})
        own = [event for event in self._events if event.pid in self._pids]  # an observer has no lane
        for span in self._some(spans(own, self._end_ns)):
            stroke = [self._ms(span.begin_ns), self._ms(span.end_ns), *self._shaped(span.name, span.data)]
            drawn[self._row(span.pid, span.tid)]["bars"].append(stroke)
        marks = [event for event in own if event.kind == Kind.MARK and event.name not in {CODE, META}]
        for mark in self._some(marks):
            stroke = [self._ms(mark.time_ns), *self._shaped(mark.name, mark.data)]
            drawn[self._row(mark.pid, mark.tid)]["marks"].append(stroke)
        return drawn

    def _drawn_arrows(self) -> list[list[Any]]:
        return [
            [
                *(self._row(sent.pid, sent.tid), self._ms(sent.time_ns)),
                *(self._row(received.pid, received.tid), self._ms(received.time_ns)),
                *self._shaped(sent.name, sent.data),
            ]
            for sent, received in self._some(flows(self._events))
            if {sent.pid, received.pid} <= self._pids
        ]

    def _drawn_counters(self) -> list[dict[str, Any]]:
        return [
            {
                "name": printable(counter.name),
                "values": [[self._ms(at_ns), value] for at_ns, value in self._some(counter.values)],
            }
            for counter in counters(self._events)
        ]

    def _tables(self) -> dict[str, list[dict[str, Any]]]:
        tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in self._events:
            if event.kind == Kind.RESULT:
                data = row_of_table(event.data) if event.name == THREAD else event.data
                drawn = "circle" if event.name == SUMMARY else ""  # above the lanes
                told = {key: value for key, value in data.items() if key != drawn}
                tables[printable(event.name)].append(facts(told))
        return dict(sorted(tables.items(), key=lambda table: table[0] == SUMMARY))
