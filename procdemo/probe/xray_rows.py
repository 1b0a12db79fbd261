"""A verdict as data: a row for each thread, and the facts of the summary."""

from collections.abc import Iterator
from typing import Any

from procdemo.probe import hang, programs, thread_waits
from procdemo.probe.hang import Verdict
from procdemo.probe.own_line import around, own_frame, source
from procdemo.probe.wait_locks import last_holder
from procdemo.process import procfs

_MOST_PIECES = 24


def rows(verdict: Verdict, *, args: bool = False) -> Iterator[dict[str, Any]]:
    """Yield what is known of each thread, parents first; with `args` also the command line of its process."""
    for (pid, tid), wait in verdict.waits.items():
        process = verdict.context.snapshot.processes[pid]
        thread = process.threads[tid]
        frame = own_frame(thread.stack)
        row = {
            "pid": pid,
            "tid": tid,
            "role": process.role,
            "program": process.program.name,
            "thread": thread_waits.thread_name(process, tid),
            "state": wait.state,
            "file": frame.path if frame else "",
            "line": frame.line if frame else 0,
            "function": frame.function if frame else "",
            "source": source(pid, frame) if frame else "",
            "waits_for": wait.words + hang.limit(wait) if wait.words else "",
            "on": [list(node) for node in wait.on],
            "lock": wait.lock,
            "limited": wait.limited,
        }
        if args:
            row["args"] = procfs.command(pid).strip()
        yield row


def code(verdict: Verdict) -> Iterator[dict[str, Any]]:
    """Yield the source around each thread: ``file``, the number of the first ``line``, ``text``."""
    seen: set[tuple[str, int]] = set()
    for pid, tid in verdict.waits:
        frame = own_frame(verdict.context.snapshot.processes[pid].threads[tid].stack)
        if frame and (frame.path, frame.line) not in seen and len(seen) < _MOST_PIECES:
            seen.add((frame.path, frame.line))
            line, text = around(pid, frame)
            if text:
                yield {"file": frame.path, "line": line, "text": text}


def facts(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict, its sentence, the circle, and how much was looked at."""
    picture = verdict.context.snapshot
    circle = []
    for pid, tid in verdict.circle:
        frame = own_frame(picture.processes[pid].threads[tid].stack)
        circle.append(
            {
                "pid": pid,
                "tid": tid,
                "file": frame.path if frame else "",
                "line": frame.line if frame else 0,
                "waits_for": verdict.waits[pid, tid].words,
            }
        )
    told: dict[str, Any] = {
        "verdict": verdict.name,
        "answer": verdict.answer,
        "circle": circle,
        "pid": picture.root,
        "processes": len(picture.processes),
        "threads": len(verdict.waits),
        "seconds": round(picture.seconds, 3),
    }
    if dead := [wait.lock for wait in verdict.waits.values() if wait.dead]:
        numbers = {letter: number for number, letter in verdict.context.letters.items()}
        last = last_holder(picture.locks.locks[numbers[dead[0]]])
        told |= {"holder": None, "last_holder": {"pid": last.pid, "tid": last.tid} if last else None}
    return told


def lacks_py_spy(verdict: Verdict) -> bool:
    """Return whether there would be lines of Python if py-spy were installed."""
    found = verdict.context.snapshot
    return not found.has_stacks and any(
        process.program.kind == programs.PYTHON for process in found.processes.values()
    )
