"""Faults on demand: the command sends a signal to processes of the demo, and reports each as an event.

``--kill ROLE@SECONDS`` and ``--stop ROLE@SECONDS`` hit every process whose role matches (a shell
pattern: ``worker-*``), once, as soon as the time has come and there is such a process. ``--chaos
kill:SECONDS`` hits one at random again and again, but never main.

A process is known by its first event, and the seconds count from the first event of the first process that
the fault may hit. So they mean the same on a busy machine and under each start method: a worker of
forkserver needs 30 to 60 ms until it has imported its modules.
"""

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from procdemo.demo.events import OBSERVER, Event, Kind
from procdemo.demo.settings import CannotRunError
from procdemo.process import procfs

if TYPE_CHECKING:
    from random import Random

STORY = {"fault": "{signal} to {target} (PID {target_pid})"}
"""The sentence of the event ``fault``, in every story."""

SIGNALS = {"kill": "SIGKILL", "stop": "SIGSTOP"}
"""What a fault is called on the command line, and the name of the signal that it is."""


class Fault(NamedTuple):
    """A fault that was asked for on the command line."""

    how: str
    """A key of `SIGNALS`."""
    role: str
    """Which processes it hits: a shell pattern of roles; empty for one at random, again and again."""
    seconds: float
    """After the first event of such a process; without a role, also from one hit to the next."""

    @property
    def option(self) -> str:
        """The name of the option that asked for it: ``kill``, ``stop`` or ``chaos``."""
        return self.how if self.role else "chaos"

    def __str__(self) -> str:
        return f"{self.role}@{self.seconds:g}" if self.role else f"{self.how}:{self.seconds:g}"


NO_FAULT = Fault("kill", "none", 0.0)
"""What ``--kill none`` means: not even the fault that belongs to a lesson."""


def parse_targeted(how: str, text: str) -> Fault:
    """Read ``ROLE@SECONDS``, or ``none`` for a kill.

    Raises:
        ValueError: it is not of that form.
    """
    if (how, text) == (NO_FAULT.how, NO_FAULT.role):
        return NO_FAULT
    role, at, seconds = text.rpartition("@")
    if not (role and at):
        raise ValueError(text)
    return Fault(how, role, _duration(seconds))


def parse_random(text: str) -> Fault:
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


def check_roles(faults: Sequence[Fault], roles: Sequence[str]) -> None:
    """Check that each of `faults` can hit a process of a demo.

    Args:
        faults: what was asked for.
        roles: the names of the demo's processes, ``worker-N`` for all that are numbered.

    Raises:
        CannotRunError: there is never a process of that name; exit status 2.
    """
    for fault in faults:
        if fault.role and not any(_can_be(fault.role, role) for role in roles):
            message = f"--{fault.how} {fault}: this demo has no process of that name"
            names = ", ".join(role.replace("-N", "-0") for role in roles)
            raise CannotRunError(message, f"one of {names} (any number); or *", exit_code=2)


def _can_be(pattern: str, role: str) -> bool:
    """Return whether a shell pattern may match a process with this role."""
    family, dash, _ = role.partition("-N")
    if not dash:
        return fnmatchcase(role, pattern)
    literal = re.split(r"[*?[]", pattern, maxsplit=1)[0]
    if literal == pattern:
        return re.fullmatch(rf"{re.escape(family)}-\d+", pattern, re.ASCII) is not None
    return f"{family}-".startswith(literal) or re.fullmatch(rf"{re.escape(family)}-\d*", literal) is not None


_NEVER_NS = 2**63


class FaultInjector:
    """The faults of one run, and when they are due."""

    def __init__(self, faults: Sequence[Fault], seed: int, group: int) -> None:
        """Hit members of the process group `group` only.

        Args:
            faults: what was asked for.
            seed: the same seed chooses the same targets among the same processes.
            group: the demo's; a process of another group is never hit.
        """
        self._group = group
        self._seed = seed
        self._due = [(_NEVER_NS, fault) for fault in faults]
        self._seen: dict[str, int] = {}
        self._left = {fault for fault in faults if fault.role}
        self._waiting = set(range(len(self._due)))
        """Places in `_due` of the faults that have seen no process yet that they may hit."""

    def note(self, event: Event) -> None:
        """Learn which processes there are; one on another host cannot be hit from here."""
        if "@" in event.role or event.kind == Kind.STATE:
            return
        self._seen[event.role] = event.pid
        for place in sorted(self._waiting):
            _, fault = self._due[place]
            if self._may_hit(fault, event.role, event.pid):
                self._due[place] = (event.time_ns + int(fault.seconds * 1e9), fault)
                self._waiting.discard(place)

    def inject(self) -> Iterator[Event]:
        """Send the signals whose time has come, and yield each as an event."""
        now = time.monotonic_ns()
        for place, (at_ns, fault) in enumerate(self._due):
            if now < at_ns:
                continue
            targets = self._targets(fault)
            if not fault.role:
                self._due[place] = (now + int(fault.seconds * 1e9), fault)
            elif targets:
                self._left.discard(fault)
                self._due[place] = (_NEVER_NS, fault)
            name = SIGNALS[fault.how]
            for role, pid in targets:
                with contextlib.suppress(ProcessLookupError):
                    before_ns = time.monotonic_ns()  # or an effect of the signal might get an earlier time
                    os.kill(pid, getattr(signal, name))
                    data = {"signal": name, "target": role, "target_pid": pid, "option": f"--{fault.option}"}
                    yield Event("mark", "fault", data, before_ns, os.getpid(), os.getpid(), OBSERVER)

    def seconds_left(self) -> float:
        """Return how long it is until `inject` has something to do, if no event comes first."""
        now = time.monotonic_ns()  # what is overdue waits for a process to appear, which is an event
        soonest = min((at_ns for at_ns, _ in self._due if at_ns > now), default=_NEVER_NS)
        return (soonest - now) / 1e9

    def missed(self) -> Iterator[tuple[str, str]]:
        """Yield, once the run is over, each fault that hit no process: what happened, and what to type."""
        roles = sorted(role for role in self._seen if role != OBSERVER)
        for fault in sorted(self._left):
            if any(fnmatchcase(role, fault.role) for role in roles):
                yield f"--{fault.how} {fault}: the demo had ended by then", f"--{fault.how} {fault.role}@0.1"
            else:
                known = ", ".join(roles[:12]) + (", ..." if len(roles) > 12 else "")  # noqa: PLR2004
                yield f"--{fault.how} {fault}: no process of that name appeared", f"one of {known}"

    def _targets(self, fault: Fault) -> list[tuple[str, int]]:
        alive = sorted((role, pid) for role, pid in self._seen.items() if self._lives(pid))
        targets = [(role, pid) for role, pid in alive if self._may_hit(fault, role, pid)]
        return targets if fault.role or not targets else [self._dice.choice(targets)]

    @cached_property
    def _dice(self) -> "Random":
        from random import Random  # noqa: PLC0415 - when the demo runs already: its hooks make every fork dearer

        return Random(self._seed)  # noqa: S311 - a game of chance, not a secret

    def _may_hit(self, fault: Fault, role: str, pid: int) -> bool:
        """Return whether a fault is for processes of this role; a random one is never for main."""
        if role == OBSERVER:
            return False
        return fnmatchcase(role, fault.role) if fault.role else pid != self._group

    def _lives(self, pid: int) -> bool:
        if procfs.readable():  # a zombie is still in its group
            stat = procfs.stat(pid)
            return stat is not None and stat.group == self._group and stat.alive
        with contextlib.suppress(ProcessLookupError):
            return os.getpgid(pid) == self._group
        return False
