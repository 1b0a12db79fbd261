"""What each process was doing, and when: the lanes behind every picture, made of a run's events.

The states of a lane are those of the kernel (`procdemo.render.kernel_lanes`), the moments of the story are
its ticks. Where one could not look at a process (on another host, without /proc, in an old log), its lane
has what the demo says: it is active, waits for another process, or is blocked, until it has ended. That is
the state of its innermost open span or, outside all spans, that of its role. The ``LANES`` of a demo give
the states of spans (by name) and of roles (``@worker``). A span or a role that is not listed counts as
active.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from procdemo.demo.events import EXITED, OBSERVER, STARTS, Event, Kind
from procdemo.demo.states import Activity, State
from procdemo.render.kernel_lanes import ProcessStates, states_by_process

_ORDER = list(Activity)
_ENDS = {State.GONE, Activity.GONE}
_MOST_THREADS = 12  # lanes of one process
_WITH_FUNCTION = re.compile(r"Thread-\d+ \((\w+)\)?$")  # threading.Thread, the name by default; may be cut


class Lane(NamedTuple):
    """What one process did, or one thread where threads are the lesson."""

    role: str
    pid: int
    changes: Sequence[tuple[int, State | Activity]]
    """Times (`time.monotonic_ns`), each with the state that begins then; it lasts until the next."""
    ticks: list[int]
    """When it reported something."""
    tid: int = 0
    """The ID of the thread, if this is the lane of one thread."""
    thread: str = ""
    """The name of the thread, if it is not the main thread."""
    helper: bool = False
    """Whether it is a process that multiprocessing needs for itself."""
    program: bool = False
    """Whether no event of a demo has announced its process: a program of another kind is looked at."""
    more: int = 0
    """How many threads this lane stands for, which have none of their own; it is empty then."""
    zombie_of: str = ""
    """The parent that did not wait for the process when it had ended: role and PID."""
    orphan_of: str = ""
    """The parent that ended before the process: role and PID."""

    @property
    def name(self) -> str:
        """The role and the PID."""
        return named(self.role, self.pid)

    @property
    def sampled(self) -> bool:
        """Whether the states are those of the kernel; otherwise they are what the demo said."""
        return any(isinstance(state, State) for _, state in self.changes[:1])

    def gone_before(self, time_ns: int) -> bool:
        """Return whether it had ended by then."""
        return bool(self.changes) and self.changes[-1][0] < time_ns and self.changes[-1][1] in _ENDS

    def shares(self, begin_ns: int, end_ns: int) -> dict[State | Activity, int]:
        """Return how many nanoseconds between the two times the process spent in each state."""
        found: dict[State | Activity, int] = defaultdict(int)
        for place, (since, state) in enumerate(self.changes):
            until = self.changes[place + 1][0] if place + 1 < len(self.changes) else end_ns
            if (overlap := min(until, end_ns) - max(since, begin_ns)) > 0:
                found[state] += overlap
        return found


class _Track:
    """A lane that is being made, event by event."""

    def __init__(self, role: str, pid: int, outside: Activity) -> None:
        self.role = role
        self.pid = pid
        self.changes: list[tuple[int, Activity]] = []
        self.ticks: dict[int, list[int]] = defaultdict(list)  # by thread
        self._outside = outside
        self._names: dict[int, str] = {}  # of threads, as the demo says them
        # Those that are open, by thread; the innermost is the last.
        self._spans: dict[int, list[tuple[str, Activity]]] = defaultdict(list)

    @property
    def lane(self) -> Lane:
        """The lane, as the demo tells it."""
        return Lane(
            self.role, self.pid, self.changes, sorted(t for some in self.ticks.values() for t in some)
        )

    def lanes_of_kernel(
        self, found: ProcessStates, name_of: Callable[[int], str], *, each_thread: bool
    ) -> list[Lane]:
        """Return the lane of the process, or those of its threads, as the kernel tells it."""
        zombie_of = name_of(found.zombie_of) if found.zombie_of else ""
        orphan_of = "" if found.orphan_of is None else name_of(found.orphan_of)
        if not each_thread or len(found.threads) == 1:
            whole = self.lane._replace(changes=found.changes, helper=found.helper)
            return [whole._replace(zombie_of=zombie_of, orphan_of=orphan_of)]
        threads = sorted(found.threads.items(), key=lambda each: each[0] != self.pid)
        drawn = [
            Lane(
                self.role,
                self.pid,
                states.changes,
                self.ticks[tid],
                tid,
                "" if tid == self.pid else _plain_name(self._names.get(tid) or states.name),
            )
            for tid, states in threads[:_MOST_THREADS]
        ]
        drawn[0] = drawn[0]._replace(zombie_of=zombie_of, orphan_of=orphan_of)
        if more := len(threads) - len(drawn):
            drawn.append(Lane(self.role, self.pid, [], [], thread=f"and {more:,} more", more=more))
        return drawn

    def note(self, event: Event, activities: Mapping[str, Activity]) -> None:
        """Take one event of the process."""
        if event.kind == Kind.BEGIN:
            activity = activities.get(event.name, Activity.ACTIVE)
            self._spans[event.tid].append((event.name, activity))
        elif event.kind == Kind.END:
            self._end(event)
        if isinstance(name := event.data.get("thread"), str):
            self._names[event.tid] = name
        if event.kind != Kind.COUNT and event.name != STARTS:
            self.ticks[event.tid or event.pid].append(event.time_ns)
        innermost = [spans[-1][1] for spans in self._spans.values() if spans]
        self.change(event.time_ns, min(innermost, key=_ORDER.index, default=self._outside))

    def _end(self, event: Event) -> None:
        # A span may be ended by another thread than the one that began it.
        spans = self._spans[event.tid] or next((spans for spans in self._spans.values() if spans), [])
        for place in range(len(spans) - 1, -1, -1):
            if spans[place][0] == event.name:
                del spans[place]
                return

    def change(self, time_ns: int, state: Activity) -> None:
        changes = self.changes
        if not changes or (changes[-1][1] not in {state, Activity.GONE} and time_ns >= changes[-1][0]):
            changes.append((time_ns, state))

    def end_unreported(self, last_ns: int) -> None:
        """End the lane of a process whose exit no event reports.

        If its last event left it running, outside all spans, it is taken to have ended at that event.
        """
        state = self.changes[-1][1]
        if state is Activity.ACTIVE and not any(self._spans.values()):
            self.change(last_ns, Activity.GONE)


def lanes(
    events: Sequence[Event],
    activities: Mapping[str, Activity],
    threads: Collection[str] = (),
    *,
    helpers: bool = False,
) -> list[Lane]:
    """Return the lane of each process that has an event: main first, then the others by family and number.

    Programs that no event of a demo has announced come last, each with the processes below it.

    Args:
        events: of one run, in any order.
        activities: of spans by name, and of roles as ``@family``; what is missing is active.
        threads: families of roles; each thread of such a process has a lane, the first twelve at most.
        helpers: whether the processes that multiprocessing needs for itself have lanes, too.
    """
    kernel = states_by_process(events)
    tracks = _tracks(events, {STARTS: Activity.STARTS, **activities})
    announced = set(tracks)
    for pid, found in kernel.items():  # also what no event of the demo has announced
        if pid not in tracks and (helpers or not found.helper):
            tracks[pid] = _Track(found.role, pid, Activity.ACTIVE)
    programs = _programs(tracks, announced, kernel)
    families: dict[str, int] = {}
    for track in tracks.values():
        families.setdefault(family(track.role), len(families))

    def name_of(pid: int) -> str:
        told = tracks.get(pid) or kernel.get(pid)
        return named(told.role if told else "", pid) if pid else "a process that was not seen"

    drawn: list[Lane] = []
    for pid, track in sorted(
        tracks.items(), key=lambda each: (*programs[each[0]], *_place(each[1].role, families))
    ):
        if pid in kernel:
            states, each = kernel[pid], family(track.role) in threads
            of_kernel = track.lanes_of_kernel(states, name_of, each_thread=each)
            drawn += [lane._replace(program=pid not in announced) for lane in of_kernel]
        else:
            drawn.append(track.lane)
    return drawn


def _tracks(events: Collection[Event], activities: Mapping[str, Activity]) -> dict[int, _Track]:
    """Return what the demo says of each process, by PID, in the order of their first events."""
    tracks: dict[int, _Track] = {}
    last_ns: dict[int, int] = {}
    observers = {event.pid for event in events if event.role == OBSERVER}
    for event in sorted(events, key=attrgetter("time_ns")):
        if event.kind in {Kind.RESULT, Kind.STATE} or event.pid in observers:
            continue
        if event.pid not in tracks:
            outside = activities.get(f"@{family(event.role)}", Activity.ACTIVE)
            tracks[event.pid] = _Track(event.role, event.pid, outside)
        track = tracks[event.pid]
        last_ns[event.pid] = event.time_ns
        track.note(event, activities)
        if event.name == EXITED and (ended := tracks.get(event.data.get("child_pid", 0))):
            ended.change(event.time_ns, Activity.GONE)
    for pid, track in tracks.items():
        if track.role != "main":
            track.end_unreported(last_ns[pid])
    return tracks


def _programs(
    tracks: Iterable[int], announced: Collection[int], kernel: Mapping[int, ProcessStates]
) -> dict[int, tuple[int, bool]]:
    """Return by PID the number of its tree, 0 for the demo's, and whether it is below the top of another."""
    tops: dict[int, int] = {}
    found = {}
    for pid in tracks:
        path = [top := pid]
        while top not in announced and (parent := kernel[top].parent) in kernel and parent not in path:
            path.append(top := parent)  # a number that is used again could make a circle
        found[pid] = (0, False) if top in announced else (tops.setdefault(top, len(tops) + 1), pid != top)
    return found


def named(role: str, pid: int) -> str:
    """Return a process by its role and its PID; some roles have the PID in them."""
    if not role:
        return f"PID {pid}"
    return role if str(pid) in role else f"{role} (PID {pid})"


def _plain_name(thread: str) -> str:
    """Return the name of a thread; of one without a name of its own, what it runs: ``_handle_results``."""
    return _WITH_FUNCTION.sub(r"\1", thread)


def family(role: str) -> str:
    """Return what the roles of a kind have in common, without number and host: ``worker``."""
    return role.partition("@")[0].rstrip("0123456789").rstrip("- ")


def _place(role: str, families: Mapping[str, int]) -> tuple[str, bool, int, int]:
    """Return the sort key of a lane: main first, then families in order of appearance, then by number.

    Roles such as ``1/main`` are of several runs: one run stands below the other.
    """
    number = role.partition("@")[0].rpartition("-")[2]
    run, _, name = role.rpartition("/")
    return run, name != "main", families[family(role)], int(number) if number.isdecimal() else 0


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
