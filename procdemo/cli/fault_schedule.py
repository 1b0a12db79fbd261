"""The faults of ``--kill``, ``--stop`` and ``--chaos`` among the events of a run."""

import os
import signal
import time
from collections.abc import Iterable, Iterator

from procdemo.cli.exit_codes import WRONG_USAGE
from procdemo.demo.events import ERROR, EXITED, OBSERVER, SUMMARY, Event, Kind
from procdemo.runtime.fault_injection import FaultInjector


class FaultSchedule:
    """Has the faults injected when they are due, and reports each; says of an exit which option caused it."""

    def __init__(self, injector: FaultInjector) -> None:
        """Report what `injector` does."""
        self._injector = injector
        self._killed_by: dict[int, str] = {}

    def inject_due(self) -> Iterator[Event]:
        """Send the signals whose time has come; yield an event for each."""
        for fault in self._injector.inject():
            if fault.data["signal"] == signal.SIGKILL.name:
                self._killed_by[fault.data["target_pid"]] = fault.data["option"]
            yield fault

    def seconds_left(self) -> float:
        """Return for how many seconds `inject_due` has nothing to do, unless an event comes first."""
        return self._injector.seconds_left()

    def among(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events of a demo, the faults among them, an error for each fault that hit no process."""
        for event in events:
            self._injector.note(event)
            if event.kind == Kind.RESULT and event.name == SUMMARY:
                yield from self._missed()
            yield self._with_cause(event)
            yield from self.inject_due()

    def _missed(self) -> Iterator[Event]:
        for message, hint in self._injector.missed():
            data = {"message": message, "hint": hint, "exit_code": WRONG_USAGE}
            yield Event(Kind.MARK, ERROR, data, time.monotonic_ns(), os.getpid(), 0, OBSERVER)

    def _with_cause(self, event: Event) -> Event:
        """Return the event; an exit gets the option that killed the process as ``by``, unless it has one."""
        if event.name != EXITED or event.data.get("exitcode") != -signal.SIGKILL or event.data.get("by"):
            return event
        option = self._killed_by.pop(event.data.get("child_pid", 0), "")
        return event._replace(data={**event.data, "by": option}) if option else event
