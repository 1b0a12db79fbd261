"""The vocabulary of a run: what happened, when, in which process.

There is a fixed set of kinds, because every renderer must be able to draw each. Names are free: a new demo
invents its own.
"""

import os
import time
from collections.abc import Callable
from enum import StrEnum
from multiprocessing.process import current_process
from threading import get_ident, get_native_id
from typing import Any, NamedTuple

Record = tuple[str, str, dict[str, Any], int, int, int, str]
"""An event as it is sent between processes: the fields of `Event`, of built-in types only."""

LISTENING = "listening"
"""Name of the mark of a server that accepts connections from now on, at ``host`` and ``port``."""

ANSWER = "answer"
"""Name of the mark of a server's answer, ``text``: a result, shown as a line of its own, and nothing else."""

ERROR = "error"
"""Name of the mark of an error that ends a demo: ``message``, ``hint``, perhaps ``exit_code``."""

ASK = "ask"
"""Name of the mark after which a demo waits for a line on its stdin."""

EXITED = "exited"
"""Name of the mark of the end of a process; `procdemo.process.exit_status.report_exit` makes it."""

META = "meta"
"""Name of the mark that begins every run: what was run, how, and on which Python."""

PAUSED, GOES_ON = "paused", "goes on"
"""Names of marks of the command: the whole demo is paused, ``by`` a key, a sentence or `BY_SHELL`; it goes on
after so many ``seconds``, which no other time has in it."""

BY_SHELL = "Ctrl-Z"

STDERR = "stderr"
"""Name of the mark of a line, ``text``, that a process of the demo wrote to its stderr."""

OBSERVER = "observer"
"""Role of the command itself in the events that it adds to a run."""

STARTS = "starts"
"""Name of the span from the start of a new interpreter (spawn, forkserver) to its first event."""

STOPPED = "stopped"
"""Name of the mark of a main process that was asked to stop, and so leaves its work."""

SUMMARY = "summary"
"""Name of the result that ends every run; its ``ok`` decides the exit status.

If it is false, ``reason`` may say why. ``outcome`` is there if one word says more than ``ok``: `INTERRUPTED`,
or `INCONCLUSIVE`.
"""

USAGE = "usage"
"""A result that the command adds: what one process has cost, and what it did; a row of a table."""

THREAD = "thread"
"""Name of the result that says what a thread of a program waits for; see `procdemo.render.wait_pictures`."""

CIRCLE = "circle"
"""Name of the mark of threads that wait for each other in a circle; see there."""

CODE = "code"
"""Name of the mark of lines of a program's source; see there."""

INTERRUPTED = "interrupted"
"""Outcome of a run that was asked to stop before its end: what is not done is not lost."""

INCONCLUSIVE = "not conclusive"
"""Outcome of a measurement that went well, and does not answer the question."""


class Kind(StrEnum):
    """The kinds of events, which every renderer can draw."""

    MARK = "mark"  # an instant
    BEGIN = "begin"  # a span begins ...
    END = "end"  # ... and ends: same name, same process
    SEND = "send"  # something is sent to another process ...
    RECEIVE = "receive"  # ... and received there: same name, same ``id``
    COUNT = "count"  # a value over time
    RESULT = "result"  # a row of a table
    STATE = "state"  # what a thread does from then on, as the kernel says; see `procdemo.probe.sampler`


class Event(NamedTuple):
    """One thing that happened in one process."""

    kind: str
    """A `Kind`, or, in an event from another process, the equal plain string."""
    name: str
    data: dict[str, Any]
    time_ns: int
    """`time.monotonic_ns`: one clock for all processes of a host, no date."""
    pid: int
    tid: int
    """The operating system's thread number; the main thread's equals the PID on Linux."""
    role: str
    """The name of the process, e.g. ``producer-0``; ``main`` is the demo's main process. On another host, the
    name of that host follows: ``worker-1@hostB``."""


_identity: tuple[int, int, int, str] | None = None  # thread; its PID, the system's thread number, role


def own_event(kind: Kind, name: str, data: dict[str, Any], role: str) -> Event:
    """Return an event of this very thread, of now; for a command that reports something without a demo."""
    return Event(kind, name, data, time.monotonic_ns(), os.getpid(), get_native_id(), role)


def _forget_identity() -> None:
    """Make the next event of this process look up its PID and name again."""
    global _identity  # noqa: PLW0603 - one process, one identity
    _identity = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_identity)


class Emitter:
    """Reports events; the processes of a demo get it as an argument.

    Data are keyword arguments of built-in types (None, bool, int, float, str, bytes, list,
    tuple, dict). A method waits for the reader only if the channel is full.
    """

    __slots__ = ("_write",)

    def __init__(self, write: Callable[[Record], None]) -> None:
        """Report to `write`, which must be picklable if the emitter is an argument of a child process."""
        self._write = write

    def _emit(self, kind: str, name: str, data: dict[str, Any]) -> None:
        global _identity  # noqa: PLW0603 - see above
        ident, identity = get_ident(), _identity
        if identity is None or identity[0] != ident:
            identity = _identity = ident, os.getpid(), get_native_id(), current_process().name
        _, pid, tid, role = identity
        self._write((kind, name, data, time.monotonic_ns(), pid, tid, role))

    @property
    def stalled(self) -> bool:
        """Whether the next event has to wait for a reader."""
        return bool(getattr(self._write, "full", False))

    def relay(self, record: Record) -> None:
        """Report the event of a process that cannot do so itself, because it is on another host."""
        self._write(record)

    def mark(self, name: str, /, **data: Any) -> None:
        """Report that something happened."""
        self._emit("mark", name, data)

    def begin(self, name: str, /, **data: Any) -> None:
        """Begin the span `name` in this process."""
        self._emit("begin", name, data)

    def end(self, name: str, /, **data: Any) -> None:
        """End the innermost open span `name` of this process."""
        self._emit("end", name, data)

    def send(self, name: str, /, **data: Any) -> None:
        """Report that something was sent to another process; ``id`` in `data` says what."""
        self._emit("send", name, data)

    def receive(self, name: str, /, **data: Any) -> None:
        """Report that what was sent, with the same ``id`` in `data`, was received here."""
        self._emit("receive", name, data)

    def count(self, name: str, value: float, /, **data: Any) -> None:
        """Report the `value` of the counter `name`; with a ``total`` in `data` it is shown as progress."""
        self._emit("count", name, {"value": value, **data})

    def result(self, name: str, /, **data: Any) -> None:
        """Add a row to the table `name`; the row `summary` comes last and has ``ok``."""
        self._emit("result", name, data)


def rename_process(name: str) -> None:
    """Give this process the role `name`, for the events to come and for multiprocessing."""
    current_process().name = name
    _forget_identity()
