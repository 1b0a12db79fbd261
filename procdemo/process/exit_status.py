"""How a process ended: in words, and as the one event that reports it.

Whatever part of a demo notices the end of a process reports it with `report_exit`, once. A story has three
sentences for this event, chosen by `sentence_of_exit` (`procdemo.demo.story`): ``exited`` (status 0),
``killed`` (the demo itself killed it, on purpose) and ``died`` (everything else). If a demo says something
else of one kind of its processes, it has three more for them: ``client exited``, ``client killed`` and
``client died``.
"""

import signal
from typing import Any, NamedTuple

from procdemo.demo.events import EXITED, Emitter

MAIN = "main"
"""Value of `Exit.by` if the demo's own main process has killed the process."""

STORY = {"died": "{child} (PID {child_pid}) has died: {cause}"}
DETAIL = {
    "exited": "{child} (PID {child_pid}) has ended",
    "killed": "{by} has killed {child} (PID {child_pid})",
}
"""Sentences of the event `EXITED`; a demo may have its own."""


class Exit(NamedTuple):
    """The end of a process, as its parent saw it."""

    name: str
    """The role of the process, e.g. ``worker-0``."""
    pid: int
    exitcode: int | None
    """As `multiprocessing.Process.exitcode`: -N if signal N killed it. None if it is not known."""
    by: str = ""
    """The role that killed it on purpose; empty if it ended by itself, or if that is not known."""


def report_exit(emit: Emitter, exited: Exit, *, kind: str = "", **more: Any) -> None:
    """Report the end of a process as the mark `EXITED`.

    Args:
        emit: where to report.
        exited: how the process ended.
        kind: of the process, if its sentences have names of their own, e.g. ``client``.
        more: data for the demo's sentences.
    """
    if kind:
        more["kind"] = kind
    told = {"child": exited.name, "child_pid": exited.pid, "exitcode": exited.exitcode, "by": exited.by}
    emit.mark(EXITED, **told, cause=cause(exited.exitcode), **more)


def cause(exitcode: int | None) -> str:
    """Return `exitcode` in words: ``exit status 3``, or ``killed by SIGKILL`` for -9."""
    if exitcode is None:
        return "exit status unknown"
    return f"killed by {signal_name(-exitcode)}" if exitcode < 0 else f"exit status {exitcode}"


def signal_name(signum: int) -> str:
    """Return the name of a signal: ``SIGKILL``, or ``signal 40`` if Python has no name for it."""
    try:
        return signal.Signals(signum).name
    except ValueError:
        return f"signal {signum}"
