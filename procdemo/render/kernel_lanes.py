"""What each process and each thread did, as the kernel says: made of the events of kind `state`.

A report of the sampler (`procdemo.probe.sampler`) says what a thread does from then on, and how long it had
a CPU, wanted one, or was in other states since the report before. So the time between two reports is a
piece with known shares. The threads of a process share a lane: it computes, or is ready, if its threads
together did so for at least half of the time; otherwise it does what its main thread does, which is what
``ps`` shows.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from procdemo.demo.events import Event, Kind
from procdemo.demo.states import State

Changes = list[tuple[int, State]]
"""Times (`time.monotonic_ns`), each with the state that begins then; it lasts until the next."""

_HALF = 0.5
_LATE_NS = 100_000_000  # a zombie for less than that is usual
_WHOLE_PROCESS = frozenset({State.STARTING, State.STOPPED, State.ZOMBIE, State.GONE})


class _Piece(NamedTuple):
    """What one thread did between two reports."""

    begin_ns: int
    state: State
    """Which state had most of the time."""
    computing: float
    """The share of the time in which it had a CPU; a little over 1 if the kernel counted late."""
    ready: float


class ThreadStates(NamedTuple):
    """The states of one thread."""

    name: str
    changes: Changes


class ProcessStates(NamedTuple):
    """The states of one process, and of each of its threads."""

    role: str
    helper: bool
    """Whether it is one of the processes that multiprocessing needs for itself."""
    changes: Changes
    threads: dict[int, ThreadStates]
    """By thread ID; the main thread has the ID of the process."""
    parent: int
    """The process that has started it, as far as it was seen; it may have another parent since."""
    zombie_of: int = 0
    """The parent that did not wait for it within 0.1 s when it had ended; 0 if it was no such zombie."""
    orphan_of: int | None = None
    """The parent that ended before it, 0 if that was not seen; None if it was no orphan."""


def states_by_process(events: Collection[Event]) -> dict[int, ProcessStates]:
    """Return what each process did, by PID; empty if the run was not sampled.

    Args:
        events: of one run, in any order; those of other kinds are ignored.
    """
    reports: dict[int, dict[int, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        if event.kind == Kind.STATE:
            reports[event.pid][event.tid or event.pid].append(event)
    found = {}
    end_ns = max((event.time_ns for event in events), default=0)
    for pid, threads in reports.items():
        for told in threads.values():
            told.sort(key=lambda event: event.time_ns)
        pieces = {tid: list(_pieces(told)) for tid, told in threads.items()}
        first = min((told[0] for told in threads.values()), key=lambda event: event.time_ns)
        newest = max((told[-1] for told in threads.values()), key=lambda event: event.time_ns)
        found[pid] = ProcessStates(
            newest.role,
            bool(newest.data.get("helper")),
            _of_process(pieces, pid),
            {tid: ThreadStates(_name(told[-1]), _changes(pieces[tid])) for tid, told in threads.items()},
            parent if isinstance(parent := first.data.get("ppid"), int) else 0,
            *_parents(threads.get(pid, []), end_ns),
        )
    return found


def _name(report: Event) -> str:
    """Return the name that a thread has given itself, else which thread of its process it is."""
    return str(report.data.get("name") or report.data.get("thread", ""))


def _parents(reports: Sequence[Event], end_ns: int) -> tuple[int, int | None]:
    """Return whose zombie, and whose orphan, a process was, by the reports of its main thread."""
    zombie_of = parent = 0
    orphan_of = None
    ended = [report for report in reports if report.name == State.ZOMBIE]
    over_ns = reports[-1].time_ns if reports and reports[-1].name == State.GONE else end_ns
    if ended and over_ns - ended[0].time_ns >= _LATE_NS:
        zombie_of = ended[-1].data.get("ppid", 0)
    for report in reports:
        if report.data.get("orphan") and orphan_of is None:
            orphan_of = parent
        parent = report.data.get("ppid", 0)
    return zombie_of, orphan_of


def _pieces(reports: Sequence[Event]) -> Iterator[_Piece]:
    """Yield what a thread did from each report on, in the order of time."""
    for report, following in pairwise([*reports, None]):
        assert report  # noqa: S101 - only the last one of the list is None
        state = State(report.name)
        if following is None:
            yield _Piece(report.time_ns, state, float(state is State.COMPUTING), float(state is State.READY))
            continue
        length = (following.time_ns - report.time_ns) / 1e6
        if length <= 0:
            continue
        data = following.data
        shares: dict[State, float] = defaultdict(float)
        shares[State.COMPUTING] += data.get("cpu_ms", 0.0)
        shares[State.READY] += data.get("ready_ms", 0.0)
        for name, ms in data.get("also_ms", {}).items():
            shares[State(name)] += ms
        shares[state] += length - sum(shares.values())
        most = max(shares, key=lambda each: shares[each])
        yield _Piece(report.time_ns, most, shares[State.COMPUTING] / length, shares[State.READY] / length)


def _of_process(pieces: dict[int, list[_Piece]], pid: int) -> Changes:
    """Return the states of a process from those of its threads."""
    steps = sorted((piece.begin_ns, tid, piece) for tid, some in pieces.items() for piece in some)
    present: dict[int, _Piece] = {}
    computing = ready = 0.0
    changes: Changes = []
    for begin_ns, tid, piece in steps:
        if before := present.get(tid):
            computing, ready = computing - before.computing, ready - before.ready
        present[tid] = piece
        computing, ready = computing + piece.computing, ready + piece.ready
        main = present.get(pid, piece).state
        state = main
        if main not in _WHOLE_PROCESS:
            if computing >= _HALF:
                state = State.COMPUTING
            elif ready >= _HALF:
                state = State.READY
        _append(changes, begin_ns, state)
    return changes


def _changes(pieces: Sequence[_Piece]) -> Changes:
    changes: Changes = []
    for piece in pieces:
        _append(changes, piece.begin_ns, piece.state)
    return changes


def _append(changes: Changes, time_ns: int, state: State) -> None:
    """Note that `state` begins; it replaces one that began at the same time."""
    if changes and changes[-1][0] == time_ns:
        changes.pop()
    if not changes or changes[-1][1] is not state:
        changes.append((time_ns, state))
