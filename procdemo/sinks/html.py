"""A run as one HTML file: lanes, counters under the same zoom, arrows, and the tables.

It needs no network: Apache ECharts is in it. Whatever the run says is JSON within the page, and
reaches the reader as text.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import IO, Any

from procdemo.bars import arrows, bars
from procdemo.events import SUMMARY, Event, Kind
from procdemo.lanes import Doing, counters, lanes
from procdemo.text import facts, printable

_MOST = 20_000
"""Bars, marks, arrows, points of a counter: more of each would be neither seen nor drawn in time."""


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
        run = json.dumps(_run(self._events, self._states), separators=(",", ":"))
        parts = {
            "RUN": run.replace("<", "\\u003c"),  # or a text could end the element that it is in
            "ECHARTS": files("procdemo.vendor").joinpath("echarts.min.js").read_text("utf-8"),
            "PAGE": files("procdemo.sinks").joinpath("page.js").read_text("utf-8"),
        }
        form = files("procdemo.sinks").joinpath("page.html").read_text("utf-8")
        with self._file:
            for text in form.split("@"):
                self._file.write(parts.get(text, text))


def _run(events: list[Event], states: Mapping[str, Doing]) -> dict[str, Any]:
    """Return the run as the page's script wants it: times in milliseconds, lanes by number."""
    start_ns = min((event.time_ns for event in events), default=0)
    end_ns = max((event.time_ns for event in events), default=0)

    def ms(time_ns: int) -> float:
        return round((time_ns - start_ns) / 1e6, 4)

    tracks = lanes(events, states)
    rows = {lane.pid: row for row, lane in enumerate(tracks)}
    drawn: list[dict[str, Any]] = []
    for lane in tracks:
        until = [*(since for since, _ in lane.changes[1:]), end_ns]
        changes = [[ms(since), ms(end), doing] for (since, doing), end in zip(lane.changes, until, strict=True)]
        drawn.append({"role": printable(lane.role), "pid": lane.pid, "changes": changes, "bars": [], "marks": []})
    for bar in bars(events, end_ns)[:_MOST]:
        stroke = [ms(bar.begin_ns), ms(bar.end_ns), printable(bar.name), facts(bar.data)]
        drawn[rows[bar.pid]]["bars"].append(stroke)
    marks = [event for event in events if event.kind == Kind.MARK and event.name != "meta" and event.pid in rows]
    for event in marks[:_MOST]:
        drawn[rows[event.pid]]["marks"].append([ms(event.time_ns), printable(event.name), facts(event.data)])
    flights = arrows(events)
    about = next((event.data for event in events if event.name == "meta"), {})
    tables: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event.kind == Kind.RESULT:
            tables.setdefault(printable(event.name), []).append(facts(event.data))
    left_out = sum(max(len(each) - _MOST, 0) for each in (bars(events, end_ns), marks, flights))
    return {
        "title": printable(f"{about.get('command', '')} - {about.get('summary', '')}"),
        "about": printable(
            f"Python {about.get('python')}, start method {about.get('start_method')}, {about.get('cpus')} usable CPUs"
        ),
        "note": f"{left_out} strokes are left out: there are too many to be drawn." if left_out else "",
        "ms": ms(end_ns),
        "lanes": drawn,
        "arrows": [
            [rows[sent.pid], ms(sent.time_ns), rows[got.pid], ms(got.time_ns), printable(sent.name), facts(sent.data)]
            for sent, got in flights[:_MOST]
        ],
        "counters": [
            {"name": printable(counter.name), "values": [[ms(at), value] for at, value in counter.values[:_MOST]]}
            for counter in counters(events)
        ],
        "tables": dict(sorted(tables.items(), key=lambda each: each[0] == SUMMARY)),
    }
