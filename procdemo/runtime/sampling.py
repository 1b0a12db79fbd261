"""The sampler beside a run: it looks while the runner waits for events, and also while they flood in.

It is called from the runner's loop, and is no thread, because the command forks. It begins when the command
waits for the first time, because then the first line of the output is written; or when the command begins to
import what draws the screen, which takes long (`Sampling.while_importing`).
"""

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from procdemo.demo.events import OBSERVER, USAGE, Event, Kind
from procdemo.demo.states import State
from procdemo.probe.process_table import ProcessTable
from procdemo.process import procfs

if TYPE_CHECKING:
    from procdemo.probe.sampler import Sampler

STORY = {"hidden": "{text}"}
"""The sentence of the mark ``hidden``, which says what cannot be seen from outside; in every story."""

_FEW = 64  # events in a batch that are searched for roles one by one
_PID, _ROLE = 4, 6  # places in a record of an event
_LATEST_S = 0.1  # it begins by then also if the command never waits


class Sampling:
    """The states of a run's processes, as events."""

    def __init__(self, root: int, guardian: int, since_ns: int | None = None) -> None:
        """Look at `root`, the demo's main process, and all below it; the `guardian` is not in it.

        `since_ns` is when the run began (`time.monotonic_ns`), if that was earlier than now.
        """
        self._root, self._guardian = root, guardian
        self._since_ns = time.monotonic_ns() if since_ns is None else since_ns
        self._begin_at = time.monotonic() + _LATEST_S
        self._roles = {root: "main"}
        self._new: set[int] = set()
        self._seen: list[Event] = []
        self._sampler: Sampler | None = None
        self._said_hidden = False
        self._table = ProcessTable()

    @property
    def sampler(self) -> "Sampler | None":
        """What looks; None before it begins, and where there is no /proc."""
        return self._sampler

    def note(self, records: Sequence[tuple[Any, ...]]) -> None:
        """Learn the roles of processes from events that have come."""
        pids = {record[_PID] for record in records}
        new = pids.difference(self._roles)
        if new or len(records) < _FEW:
            # A role with a host in it is that of a process elsewhere, which may have the same PID.
            roles = {record[_PID]: record[_ROLE] for record in records if "@" not in record[_ROLE]}
            self._roles.update(roles)
            self._new |= new.intersection(roles)
            self._table.name({pid: roles[pid] for pid in new.intersection(roles)})

    def name(self, roles: Mapping[int, str]) -> None:
        """Learn the roles of processes from elsewhere."""
        self._roles.update(roles)
        self._table.name(roles)

    def poll(self, poll: "select.poll", seconds: float) -> list[tuple[int, int]]:
        """Return what ``poll.poll()`` returns within so many seconds; look meanwhile whenever it is due."""
        deadline = time.monotonic() + seconds
        self._begin_at = min(self._begin_at, deadline - seconds)
        while True:
            self._look_if_due()
            now = time.monotonic()
            due = self._sampler.pacing.due_at if self._sampler else deadline
            ready = poll.poll(max(min(deadline, due) - now, 0) * 1000)
            if ready or time.monotonic() >= deadline:
                return ready

    @contextlib.contextmanager
    def while_importing(self) -> Iterator[None]:
        """Look within the block whenever it is due and a module is imported."""
        finder = _Looking(self._look_if_due)
        self._begin_at = min(self._begin_at, time.monotonic())
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)

    def events(self) -> list[Event]:
        """Return what was seen since the last call; look first if it is due."""
        self._look_if_due()
        # An event of the process itself may have come after the look, and may have told its role.
        seen = [event._replace(role=self._roles.get(event.pid, event.role)) for event in self._seen]
        self._seen = []
        self._table.note(seen)
        return seen

    def last(self) -> list[Event]:
        """Return the events of a last look and a row for each process, and close all files."""
        if self._sampler:
            self._look(self._sampler)
        self.close()
        seen, now_ns = self.events(), time.monotonic_ns()
        rows = self._table.rows()
        return seen + [Event(str(Kind.RESULT), USAGE, row, now_ns, self._root, 0, "main") for row in rows]

    def close(self) -> None:
        """Close all files; there is no look any more."""
        self._begin_at = float("inf")
        if self._sampler:
            self._sampler.close()
            self._sampler = None

    def _look_if_due(self) -> None:
        now = time.monotonic()
        if self._sampler:
            if now >= self._sampler.pacing.due_at:
                self._look(self._sampler)
        elif now >= self._begin_at:
            self._begin_at = float("inf")
            self._begin()

    def _begin(self) -> None:
        if not procfs.LINUX or not procfs.readable():
            self._say_hidden("there is no /proc here, so the lanes show what the demo says of itself")
            return
        try:
            from procdemo.probe.sampler import Sampler  # noqa: PLC0415 - when the demo runs already
        except (ImportError, OSError) as error:  # a demo in this process may have opened all files it may
            self._say_hidden(f"the lanes show what the demo says of itself: {error}")
            return
        self._sampler = Sampler(self._root, {self._guardian}, self._roles, self._since_ns)
        if not self._sampler.exact:
            self._say_hidden(
                "the kernel counts no schedstat: CPU time is in steps of 10 ms, ready is not seen"
            )

    def _look(self, sampler: "Sampler") -> None:
        self._seen += sampler.look()
        self._new = {pid for pid in self._new if not sampler.has_seen(pid)}
        gone = [pid for pid in self._new if procfs.stat(pid) is None]
        self._new.difference_update(gone)
        self._seen += [self._unseen(pid) for pid in gone]
        if sampler.hidden:
            self._say_hidden("what a process waits for is hidden: another user's, or ptrace is not permitted")

    def _unseen(self, pid: int) -> Event:
        """Return the event of a process that has ended before the first look at it."""
        data = {"call": "", "cpu_ms": 0.0, "ready_ms": 0.0, "thread": "MainThread", "ppid": 0, "looks": 0}
        role = self._roles.get(pid, f"child {pid}")
        return Event(str(Kind.STATE), str(State.GONE), data, time.monotonic_ns(), pid, pid, role)

    def _say_hidden(self, text: str) -> None:
        if not self._said_hidden:
            self._said_hidden = True
            own = os.getpid()
            self._seen.append(
                Event(str(Kind.MARK), "hidden", {"text": text}, time.monotonic_ns(), own, own, OBSERVER)
            )


class _Looking:
    """Finds no module for ``import``, but is asked for each."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._looks = False

    def find_spec(self, *_: Any) -> None:
        """Look if it is due (library/sys, `sys.meta_path`)."""
        if not self._looks:  # the first look imports modules, too
            self._looks = True
            try:
                self._look()
            finally:
                self._looks = False
