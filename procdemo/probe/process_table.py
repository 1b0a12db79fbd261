"""A table of the processes that were looked at: what each has cost, and what it did for how long.

It is made of the events of kind `state`, and of numbers that only ``/proc/PID/status`` has (proc(5)): how
often the main thread gave up its CPU, because it had to wait, or lost it, because another thread had its
turn; and the most memory that the process ever had. They are read four times a second, less often if there
are many processes, when an event of the main thread comes. So they are a little older than the end of the
process.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from procdemo.demo.events import Event, Kind
from procdemo.demo.states import State
from procdemo.process import procfs

_FIELDS = {
    "voluntary": b"\nvoluntary_ctxt_switches:",
    "involuntary": b"\nnonvoluntary_ctxt_switches:",
    "peak_kib": b"\nVmHWM:",
}
"""Columns -> fields of ``/proc/PID/status``."""

_NO_MORE = frozenset({State.GONE, State.ZOMBIE})
_READ_MS, _FEW = 250, 25  # so often for so few processes
_MOST = 1000  # rows: a server may run for months


class _Row:
    """The account of one process."""

    def __init__(self, event: Event) -> None:
        self.pid = event.pid
        self.role = event.role
        self.parent = 0
        self.cpu_ms = self.ready_ms = 0.0
        self.ms: dict[str, float] = defaultdict(float)  # of the main thread, by state
        self.over = False
        self._seen: dict[str, int] = {}
        self._read_ns = 0
        self._last: Event | None = None  # of the main thread

    def note(self, event: Event, pause_ms: float) -> None:
        """Take an event of the process; read its status if that was not done for so long."""
        data = event.data
        self.role = event.role
        self.parent = self.parent or data["ppid"]
        self.cpu_ms += data["cpu_ms"]
        self.ready_ms += data["ready_ms"]
        if event.tid != self.pid:
            return
        ms = {str(State.COMPUTING): data["cpu_ms"], str(State.READY): data["ready_ms"]}
        for state, also in data.get("also_ms", {}).items():
            ms[state] = ms.get(state, 0.0) + also
        if self._last:
            rest = (event.time_ns - self._last.time_ns) / 1e6 - sum(ms.values())
            ms[self._last.name] = ms.get(self._last.name, 0.0) + rest
            for state, each in ms.items():
                self.ms[state] += each
        self._last = event
        self.over = event.name == State.GONE
        if event.name not in _NO_MORE and event.time_ns - self._read_ns >= pause_ms * 1e6:
            self._read_ns = event.time_ns
            self._seen |= _status(self.pid)  # of one that is about to end some lines are missing

    def data(self) -> dict[str, Any]:
        """Return the row; times in milliseconds, states in per cent of the life of the main thread."""
        whole = sum(self.ms.values())
        row = {"role": self.role, "pid": self.pid, "parent": self.parent}
        if whole <= 0:  # it lived for less than from one look to the next
            return row
        costs = {"cpu_ms": round(self.cpu_ms, 1), "ready_ms": round(self.ready_ms, 1)}
        shares = {state: round(100 * self.ms[state] / whole) for state in map(str, State) if state in self.ms}
        return {**row, **costs, **{state: max(share, 0) for state, share in shares.items()}, **self._seen}


class ProcessTable:
    """Takes the events of kind `state` of a run, and gives a row for each process."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._present: dict[int, _Row] = {}

    def note(self, events: Iterable[Event]) -> None:
        """Take events in the order in which they were seen; those of other kinds are ignored."""
        for event in events:
            if event.kind != Kind.STATE:
                continue
            row = self._present.get(event.pid)
            if row is None or (row.over and event.name != State.GONE):  # its number is used again
                row = self._present[event.pid] = _Row(event)
                self._rows.append(row)
                if len(self._rows) > _MOST:
                    self._drop_one()
            row.note(event, _READ_MS * max(1, len(self._present) / _FEW))

    def name(self, roles: Mapping[int, str]) -> None:
        """Take roles of processes by PID: some may have ended before their first event was read."""
        for pid in roles.keys() & self._present.keys():
            self._present[pid].role = roles[pid]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each process in the order in which they were seen: of the last 1,000."""
        return [row.data() for row in self._rows]

    def _drop_one(self) -> None:
        """Forget the oldest process that has ended."""
        place = next((place for place, row in enumerate(self._rows) if row.over), None)
        if place is not None:
            over = self._rows.pop(place)
            if self._present.get(over.pid) is over:
                del self._present[over.pid]


def _status(pid: int) -> dict[str, int]:
    """Return the columns that come from ``/proc/PID/status``; none if the process is gone."""
    text = procfs.read(f"/proc/{pid}/status")
    values = {column: text.partition(field)[2].split(maxsplit=1) for column, field in _FIELDS.items()}
    return {column: int(value[0]) for column, value in values.items() if value}
