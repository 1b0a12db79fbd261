"""The end of a watched program: what it leaves, and the summary."""

import time
from typing import Any, NamedTuple

from procdemo.probe import programs, xray_rows
from procdemo.probe.hang import Verdict
from procdemo.probe.left_names import LeftNames
from procdemo.process import procfs
from procdemo.process.exit_status import cause, signal_name
from procdemo.runtime.watched_program import WatchedProgram, exit_status

_TRACKER_S = 0.5  # for a resource tracker to remove what its program has left
_PAUSE_S = 0.01


class Left(NamedTuple):
    """What a program leaves."""

    orphans: dict[int, str]
    """Processes that still run, with the names of their programs."""
    zombies: list[int]
    """Processes that had ended long before it, and for which their parent has not waited."""
    names: dict[str, int]
    """Names in /dev/shm, with the process that made each."""


def left_by(program: WatchedProgram, zombies: set[int], names: LeftNames) -> Left:
    """Return what a program leaves that has just ended.

    Args:
        program: it.
        zombies: those of its processes that were seen as zombies while it ran.
        names: what it had in /dev/shm.
    """
    deadline = time.monotonic() + _TRACKER_S
    while names.left() and time.monotonic() < deadline:
        alive = [pid for pid in program.adopted() if (found := procfs.stat(pid)) and found.alive]
        if not alive or not all(programs.program(pid).kind == programs.HELPER for pid in alive):
            break
        time.sleep(_PAUSE_S)  # noqa: TID251 - a tracker does not tell that it ends
    orphans = {}
    states = {pid: state for pid, state in program.family().items() if pid != program.pid}
    for pid, state in states.items():
        run = programs.program(pid)
        # One that is about to end has no command line any more, and so does not look like a helper.
        if state not in "ZX" and run.kind != programs.HELPER and procfs.command(pid):
            orphans[pid] = run.name
    old = [pid for pid, state in states.items() if state == "Z" and pid in zombies]
    return Left(orphans, old, names.left())


def summary(
    program: WatchedProgram, left: Left, verdict: Verdict | None, *, hung: bool, killed: bool
) -> dict[str, Any]:
    """Return the data of the summary.

    Args:
        program: what was watched.
        left: what it leaves.
        verdict: the last one that was shown.
        hung: whether it hung until its end.
        killed: whether it was ended on purpose.
    """
    status = program.status
    seconds = (time.monotonic_ns() - program.started_ns) / 1e9
    told: dict[str, Any] = {"circle": []}
    if verdict and (hung or killed):
        told |= xray_rows.facts(verdict)
    if status is None:
        end = f"PID {program.pid} goes on without being watched"
        told.setdefault("verdict", "not known")
    else:
        end = f"{cause(status)} after {seconds:.1f} s"
        told.setdefault("verdict", "ended")
    if killed:
        why = "it hung" if hung else "the time limit has passed"
        told |= {"hung": told["verdict"] if hung else "", "verdict": "killed"}
        told["answer"] = f"ended by watch, because {why}: {told['answer']}"
    elif hung:
        told["answer"] = f"it hung: {told['answer']}; {end}"
    else:
        told["answer"] = end
    return {
        "ok": status == 0 and not hung,
        **told,
        "pid": program.pid,
        "exit_status": exit_status(status),
        "signal": signal_name(-status) if status and status < 0 else "",
        "seconds": round(seconds, 3),
        "orphans": [{"pid": pid, "program": name} for pid, name in left.orphans.items()],
        "zombies": left.zombies,
        "names": [{"name": name, "pid": pid} for name, pid in left.names.items()],
    }
