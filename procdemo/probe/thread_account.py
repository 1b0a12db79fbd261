"""The account of one thread: which state it was in, and for how long, made of looks at it.

The kernel says exactly how long a thread had a CPU, and how long it waited for one (``schedstat``), but
both with delay: the first at its tick while the thread runs, the second when the thread gets its turn. So
neither is ever cut to fit between two looks; what is too much or too little is carried on to the next. What
is left of the time is that of the wait in which the thread was seen. If it was seen in two, each gets half.
"""

from typing import NamedTuple

from procdemo.demo.states import State

_TICK_NS = 12_000_000  # the kernel's tick, 1 to 10 ms: for so long a thread may run without being counted
_NEWS_NS = 10_000_000  # half a look of CPU time within another state is worth a report
_LEAST_MS = 0.1  # less is not worth its bytes
_MS = 1e6
_BUSY = (State.COMPUTING, State.READY)


class Report(NamedTuple):
    """A state that begins, or goes on; and what has been since the report before it."""

    time_ns: int
    """From when on the thread is in this state."""
    state: State
    cpu_ms: float
    """How long it had a CPU since the report before."""
    ready_ms: float
    """How long it wanted a CPU and had none."""
    also_ms: dict[str, float]
    """The same for each other state, except that of the report before, which has the rest of the time.

    It is less than 0 if the thread was ready, or had a CPU, when it was last thought to be in that state.
    """


class ThreadAccount:
    """The states of one thread over time."""

    def __init__(self, now_ns: int, wait: State | None, cpu_ns: int, ready_ns: int) -> None:
        """Begin with the first look.

        Args:
            now_ns: when it was (`time.monotonic_ns`).
            wait: what it was seen in; None if it runs or could.
            cpu_ns: how long it has had a CPU so far.
            ready_ns: how long it has waited for one so far.
        """
        self.seen_ns = now_ns
        """The time of the last look."""
        self.state = wait or State.COMPUTING
        """The state of the last report."""
        self._wait = wait
        self._last_wait = wait or State.WAITING
        self._owed = 0  # time of the past that is not accounted for yet; negative if too much is
        self._given = 0  # of the ready time, ahead of the kernel
        self._cpu, self._ready = cpu_ns, ready_ns
        self._waits: dict[State, int] = {}
        self._reported_ns = now_ns

    def first_report(self) -> Report:
        """Return the report of the first look: CPU and ready time are those of its life until then."""
        return self._report(self.seen_ns, self.state)

    def look(self, now_ns: int, wait: State | None, cpu_ns: int, ready_ns: int) -> Report | None:
        """Take one look; return a report if the state has changed, or much CPU time has come together.

        Args:
            now_ns: when it is.
            wait: what the thread is seen in; None if it runs or could.
            cpu_ns: how long it had a CPU since the last look, as the kernel says.
            ready_ns: how long it waited for one.
        """
        length, since_ns, before = now_ns - self.seen_ns, self.seen_ns, self._wait
        if (
            wait is before is self.state
            and not (self._owed or self._given)
            and 2 * (cpu_ns + ready_ns) < length
        ):
            self.seen_ns = now_ns  # the usual case, quickly
            self._cpu += cpu_ns
            self._ready += ready_ns
            return self._report(now_ns, wait) if self._cpu + self._ready > _NEWS_NS else None
        self.seen_ns, self._wait = now_ns, wait
        if cpu_ns or ready_ns or wait:  # the kernel has counted how long it waited for its turn
            ready_ns, self._given = ready_ns - self._given, 0
        rest = self._rest(length - cpu_ns - ready_ns, wait)
        if wait is None and rest > 0:  # it has not counted that yet, because the turn has not come
            self._given += rest
            ready_ns, rest = ready_ns + rest, 0
        old, new = self._sides(before, wait)
        halves = (rest - rest // 2, rest // 2) if old != new and rest > 0 else (rest, 0)
        state = self._dominant(length, cpu_ns, ready_ns, rest, new)
        if state is self.state:
            self._add(cpu_ns, ready_ns, {old: halves[0]})
            self._add(0, 0, {new: halves[1]})
            worth = state not in _BUSY and self._cpu + self._ready > _NEWS_NS
            return self._report(now_ns, state) if worth else None
        if state in _BUSY:
            if rest < 0:  # some of it was before, when the thread was thought to wait
                report = self._report(since_ns, state)
                self._add(cpu_ns, ready_ns, {old: rest})
            elif wait:  # it ran in between
                self._add(0, 0, {old: rest // 2})
                report = self._report(since_ns + max(length - cpu_ns - ready_ns, 0) // 2, state)
                self._add(cpu_ns, ready_ns, {new: rest - rest // 2})
            else:
                self._add(0, 0, {old: rest})
                report = self._report(max(now_ns - cpu_ns - ready_ns, since_ns), state)
                self._add(cpu_ns, ready_ns, {})
            return report
        begin_ns = since_ns + cpu_ns + ready_ns
        if old != new:
            begin_ns += halves[0]
            self._add(cpu_ns, ready_ns, {old: halves[0]})
            rest = halves[1]
        else:
            self._add(cpu_ns, ready_ns, {})
        report = self._report(min(begin_ns, now_ns), state)
        self._add(0, 0, {new: rest})
        return report

    def unchanged(self, now_ns: int) -> Report | None:
        """Take one look that has shown the same wait, without any turn on a CPU in between."""
        length, self.seen_ns = now_ns - self.seen_ns, now_ns
        if self._wait is self.state and not self._owed:  # the rest of the time is that of the state
            return None
        rest, wait = self._rest(length, self._wait), self._wait or self._last_wait
        if rest <= 0:
            return None
        report = None if wait is self.state else self._report(now_ns - min(rest, length), wait)
        self._add(0, 0, {wait: rest})
        return report

    def correct(self, state: State) -> Report | None:
        """Call the present wait another state; return a report if it is the last reported one."""
        reported, self._wait = self._wait is self.state, state
        self._last_wait = state
        return self._report(self.seen_ns, state) if reported else None

    def go_on(self, state: State | None = None) -> Report:
        """Return a report of now: the state lasts, or from now on it has another name."""
        return self._report(self.seen_ns, state or self.state)

    def resume(self, now_ns: int, wait: State | None, cpu_ns: int, ready_ns: int) -> tuple[Report, Report]:
        """Take the first look after a long time without any; return reports of that time, and of now.

        How long the thread had a CPU, and waited for one, is known. In what else it was is not.
        """
        gap = self._report(self.seen_ns, State.UNSEEN)
        self._add(cpu_ns, ready_ns - self._given, {})
        self.seen_ns, self._wait, self._last_wait = now_ns, wait, wait or State.WAITING
        self._owed = self._given = 0
        return gap, self._report(now_ns, wait or (State.COMPUTING if cpu_ns >= ready_ns else State.READY))

    def is_due(self, every_ns: int) -> bool:
        """Return whether the last report is so long ago."""
        return self.seen_ns - self._reported_ns > every_ns

    def _rest(self, rest: int, wait: State | None) -> int:
        """Return how much time is that of a wait; it may have run for longer than is counted so far."""
        rest += self._owed
        kept = max(min(rest, 0 if wait else _TICK_NS), -_TICK_NS)
        self._owed = kept
        return rest - kept

    def _sides(self, before: State | None, wait: State | None) -> tuple[State, State]:
        """Return the waits of both sides of the time between two looks."""
        old, new = before or wait or self._last_wait, wait or before or self._last_wait
        self._last_wait = new
        return old, new

    def _dominant(self, length: int, cpu_ns: int, ready_ns: int, rest: int, new: State) -> State:
        """Return the state that had the most of the time between two looks."""
        if 2 * (cpu_ns + ready_ns) >= length or (rest < max(cpu_ns, ready_ns)):
            return State.COMPUTING if cpu_ns >= ready_ns else State.READY
        return new if rest > 0 else self.state

    def _add(self, cpu_ns: int, ready_ns: int, waits: dict[State, int]) -> None:
        self._cpu += cpu_ns
        self._ready += ready_ns
        for state, ns in waits.items():
            self._waits[state] = self._waits.get(state, 0) + ns

    def _report(self, time_ns: int, state: State) -> Report:
        """Close the account of the time until now, and begin the next; what is rounded off stays in it."""
        time_ns = max(time_ns, self._reported_ns)
        cpu_us, ready_us = max(self._cpu, 0) // 1000, max(self._ready, 0) // 1000
        also = {str(name): ns / _MS for name, ns in self._waits.items() if name is not self.state}
        report = Report(
            time_ns,
            state,
            cpu_us / 1000,
            ready_us / 1000,
            {name: round(ms, 3) for name, ms in also.items() if abs(ms) >= _LEAST_MS},
        )
        self._cpu -= cpu_us * 1000
        self._ready -= ready_us * 1000
        self._waits.clear()
        self._reported_ns, self.state = time_ns, state
        return report
