"""What each process was doing, and when: the lanes behind every picture, made of a run's events.

A process runs, waits for another process, or is blocked, until it is gone. Its state is that of its innermost
open span or, outside all spans, that of its role. The ``LANES`` of a demo give the states of spans (by name)
and of roles (``@worker``). A span or a role that is not listed counts as running.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import NamedTuple

from procdemo.demo.events import EXITED, OBSERVER, STARTS, Event, Kind
from procdemo.demo.states import Activity

_ORDER = list(Activity)


class Lane(NamedTuple):
    """What one process did."""

    role: str
    pid: int
    changes: list[tuple[int, Activity]]
    """Times (`time.monotonic_ns`), each with the state that begins then; it lasts until the next."""
    marks: list[int]
    """When it reported something that takes no time."""

    def shares(self, begin_ns: int, end_ns: int) -> dict[Activity, int]:
        """Return how many nanoseconds between the two times the process spent in each state."""
        found: dict[Activity, int] = defaultdict(int)
        for place, (since, state) in enumerate(self.changes):
            until = self.changes[place + 1][0] if place + 1 < len(self.changes) else end_ns
            if (overlap := min(until, end_ns) - max(since, begin_ns)) > 0:
                found[state] += overlap
        return found


class _Track:
    """A lane that is being made, event by event."""

    def __init__(self, role: str, pid: int, outside: Activity) -> None:
        self.lane = Lane(role, pid, [], [])
        self._outside = outside
        self._spans: dict[int, list[tuple[str, Activity]]] = defaultdict(
            list
        )  # open; by thread, innermost last

    def begin(self, event: Event, state: Activity) -> None:
        self._spans[event.tid].append((event.name, state))

    def end(self, event: Event) -> None:
        # A span may be ended by another thread than the one that began it.
        spans = self._spans[event.tid] or next((spans for spans in self._spans.values() if spans), [])
        for place in range(len(spans) - 1, -1, -1):
            if spans[place][0] == event.name:
                del spans[place]
                return

    def update(self, time_ns: int) -> None:
        innermost = [spans[-1][1] for spans in self._spans.values() if spans]
        self.change(time_ns, min(innermost, key=_ORDER.index, default=self._outside))

    def change(self, time_ns: int, state: Activity) -> None:
        changes = self.lane.changes
        if not changes or (changes[-1][1] not in {state, Activity.GONE} and time_ns >= changes[-1][0]):
            changes.append((time_ns, state))

    def end_unreported(self, last_ns: int) -> None:
        """End the lane of a process whose exit no event reports.

        If its last event left it running, outside all spans, it is taken to have ended at that event.
        """
        state = self.lane.changes[-1][1]
        if state is Activity.RUNS and not any(self._spans.values()):
            self.change(last_ns, Activity.GONE)


def lanes(events: Iterable[Event], states: Mapping[str, Activity]) -> list[Lane]:
    """Return the lane of each process that has an event: main first, then the others by family and number.

    Args:
        events: of one run, in any order.
        states: of spans by name, and of roles as ``@family``; what is missing runs.
    """
    states = {STARTS: Activity.STARTS, **states}
    tracks: dict[int, _Track] = {}
    last_ns: dict[int, int] = {}
    for event in sorted(events, key=attrgetter("time_ns")):
        if event.kind in {Kind.RESULT, Kind.STATE} or event.role == OBSERVER:
            continue
        if event.pid not in tracks:
            outside = states.get(f"@{family(event.role)}", Activity.RUNS)
            tracks[event.pid] = _Track(event.role, event.pid, outside)
        track = tracks[event.pid]
        last_ns[event.pid] = event.time_ns
        if event.kind == Kind.BEGIN:
            track.begin(event, states.get(event.name, Activity.RUNS))
        elif event.kind == Kind.END:
            track.end(event)
        elif event.kind != Kind.COUNT:
            track.lane.marks.append(event.time_ns)
        track.update(event.time_ns)
        if event.name == EXITED and (ended := tracks.get(event.data.get("child_pid", 0))):
            ended.change(event.time_ns, Activity.GONE)
    families: dict[str, int] = {}
    for pid, track in tracks.items():
        families.setdefault(family(track.lane.role), len(families))
        if track.lane.role != "main":
            track.end_unreported(last_ns[pid])
    return sorted((track.lane for track in tracks.values()), key=lambda lane: _place(lane.role, families))


def family(role: str) -> str:
    """Return what the roles of a kind have in common, without number and host: ``worker``."""
    return role.partition("@")[0].rstrip("0123456789").rstrip("-")


def _place(role: str, families: Mapping[str, int]) -> tuple[bool, int, int]:
    """Return the sort key of a lane: main first, then families in order of appearance, then by number."""
    number = role.partition("@")[0].rpartition("-")[2]
    return role != "main", families[family(role)], int(number) if number.isdecimal() else 0


class Counter(NamedTuple):
    """A value over time."""

    name: str
    values: list[tuple[int, float]]
    """Times (`time.monotonic_ns`), each with the value from then on."""


def counters(events: Iterable[Event]) -> list[Counter]:
    """Return the counters among `events`, without those that only measure progress towards a total."""
    found: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for event in events:
        if event.kind == Kind.COUNT and "total" not in event.data:
            found[event.name].append((event.time_ns, event.data["value"]))
    return [Counter(name, sorted(values)) for name, values in found.items()]
