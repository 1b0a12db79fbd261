"""Faults on demand: the observer strikes a process of the demo, and the log tells of the blow.

``--kill ROLE@SECONDS`` and ``--stop ROLE@SECONDS`` strike every process whose role matches (a
shell pattern: ``worker-*``), as soon as the time has come and one is there; ``--chaos
kill:SECONDS`` strikes one at random again and again, never main. A process is known by its
first event.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from procdemo.demo.events import Event
from procdemo.process import procfs

STORY = {"blow": "{signal} to {victim} (PID {victim_pid})"}
"""The sentence of a blow, in every story."""

OBSERVER = "observer"
"""The role of the command itself, which deals the blows."""

SIGNALS = {"kill": "SIGKILL", "stop": "SIGSTOP"}
"""What a fault is called on the command line, and the name of the signal that it is."""


class Fault(NamedTuple):
    """A blow that was asked for."""

    how: str
    """A key of `SIGNALS`."""
    role: str
    """Whom it hits: a shell pattern of roles; empty for somebody, every so often."""
    seconds: float
    """After the start; or, without a role, from one blow to the next."""

    def __str__(self) -> str:
        return f"{self.role}@{self.seconds:g}" if self.role else f"{self.how}:{self.seconds:g}"


def aimed(how: str, text: str) -> Fault:
    """Read ``ROLE@SECONDS``.

    Raises:
        ValueError: it is not of that form.
    """
    role, at, seconds = text.rpartition("@")
    if not (role and at):
        raise ValueError(text)
    return Fault(how, role, _duration(seconds))


def at_random(text: str) -> Fault:
    """Read ``kill:SECONDS`` or ``stop:SECONDS``.

    Raises:
        ValueError: it is not of that form.
    """
    how, _, seconds = text.partition(":")
    if how not in SIGNALS or _duration(seconds) <= 0:
        raise ValueError(text)
    return Fault(how, "", _duration(seconds))


def _duration(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 1e9:  # noqa: PLR2004 - thirty years; neither infinity nor not-a-number
        raise ValueError(text)
    return seconds


class FaultInjector:
    """What is to be struck in one run, and when."""

    def __init__(self, faults: Sequence[Fault], seed: int, group: int, start_ns: int) -> None:
        """Strike members of the process group `group` only, counting from `start_ns`.

        Args:
            faults: what was asked for.
            seed: the same seed chooses the same victims among the same processes.
            group: the demo's; a PID that is in it is no stranger's.
            start_ns: `time.monotonic_ns` of the start.
        """
        import random  # noqa: PLC0415 - when the demo runs already: its hooks make every fork dearer

        self._group = group
        self._choose = random.Random(seed).choice  # noqa: S311 - a game of chance, not a secret
        self._due = [(start_ns + int(fault.seconds * 1e9), fault) for fault in faults]
        self._seen: dict[str, int] = {}
        self._left = {fault for fault in faults if fault.role}

    def note(self, event: Event) -> None:
        """Learn who is there; whoever is on another host cannot be struck from here."""
        if "@" not in event.role:
            self._seen[event.role] = event.pid

    def strike(self) -> Iterator[Event]:
        """Deal the blows whose time has come, and yield each as an event."""
        now = time.monotonic_ns()
        for place, (at_ns, fault) in enumerate(self._due):
            if now < at_ns:
                continue
            victims = self._victims(fault)
            if not fault.role:
                self._due[place] = (now + int(fault.seconds * 1e9), fault)
            elif victims:
                self._left.discard(fault)
                self._due[place] = (2**63, fault)
            name = SIGNALS[fault.how]
            for role, pid in victims:
                with contextlib.suppress(ProcessLookupError):
                    before_ns = time.monotonic_ns()  # or what follows from the blow might come first
                    os.kill(pid, getattr(signal, name))
                    data = {"signal": name, "victim": role, "victim_pid": pid}
                    yield Event("mark", "blow", data, before_ns, os.getpid(), os.getpid(), OBSERVER)

    def seconds_left(self) -> float:
        """Return how long it is until `strike` has something to do, should no event come first."""
        now = time.monotonic_ns()  # what is overdue waits for somebody to appear, which is an event
        soonest = min((at_ns for at_ns, _ in self._due if at_ns > now), default=2**63)
        return (soonest - now) / 1e9

    def missed(self) -> Iterator[tuple[str, str]]:
        """Yield, once the run is over, each blow that hit nobody: what happened, what to type instead."""
        roles = sorted(role for role in self._seen if role != OBSERVER)
        for fault in sorted(self._left):
            if any(fnmatchcase(role, fault.role) for role in roles):
                yield f"--{fault.how} {fault}: the demo had ended by then", f"--{fault.how} {fault.role}@0.1"
            else:
                known = ", ".join(roles[:12]) + (", ..." if len(roles) > 12 else "")  # noqa: PLR2004
                yield f"--{fault.how} {fault}: no process of that name appeared", f"one of {known}"

    def _victims(self, fault: Fault) -> list[tuple[str, int]]:
        there = sorted((role, pid) for role, pid in self._seen.items() if self._lives(pid))
        if fault.role:
            return [(role, pid) for role, pid in there if fnmatchcase(role, fault.role)]
        others = [(role, pid) for role, pid in there if pid != self._group]
        return [self._choose(others)] if others else []

    def _lives(self, pid: int) -> bool:
        if procfs.LINUX:
            stat = procfs.stat(pid)
            return stat is not None and stat.group == self._group and stat.alive
        with contextlib.suppress(ProcessLookupError):
            return os.getpgid(pid) == self._group
        return False
