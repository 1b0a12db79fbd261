"""The X-ray of a running program: what ``procdemo xray`` does."""

import os
import sys
import time
from typing import Any

from procdemo import __version__
from procdemo.cli.common_options import ViewOptions
from procdemo.cli.exit_codes import DONE, FAILED, MISSING
from procdemo.demo.events import META, SUMMARY, Event, Kind, own_event
from procdemo.demo.settings import CannotRunError, pip_install
from procdemo.demo.text import printable
from procdemo.probe import hang, live_stacks, programs, snapshot, xray_rows
from procdemo.probe.hang import Verdict
from procdemo.process import procfs
from procdemo.render.jsonl import SCHEMA, JsonLines
from procdemo.render.xray_screen import XrayScreen

_ROLE = "xray"
_FINDING = "procdemo xray  (without a PID: lists the programs that may be looked at)"


def list_programs(view: ViewOptions, *, args: bool) -> int:
    """List the Python programs that may be looked at; return the exit status.

    Raises:
        CannotRunError: this is not Linux, or /proc is missing; exit status 3.
    """
    _require_linux()
    found = list(programs.trees())
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    ages = [now - each.start_ticks / os.sysconf("SC_CLK_TCK") for each in found]
    if view.json:
        rows = [
            {
                "pid": each.pid,
                "name": each.name,
                "depth": each.depth,
                "age_s": round(age, 1),
                "processes": each.processes,
                **({"args": procfs.command(each.pid).strip()} if args else {}),
            }
            for each, age in zip(found, ages, strict=True)
        ]
        _write(
            [*(own_event(Kind.RESULT, "program", row, _ROLE) for row in rows), _summary(programs=len(rows))],
            None,
        )
        return DONE
    screen = XrayScreen(colour=False if view.plain else view.colour)
    if found:
        table = [
            (
                str(each.pid),
                _age(age),
                str(each.processes),
                "  " * each.depth + (procfs.command(each.pid).strip() if args else each.name),
            )
            for each, age in zip(found, ages, strict=True)
        ]
        screen.table([("PID", "age", "processes", "program"), *table])
    count = len(found)
    tip = f"; procdemo xray {found[0].pid} shows the first" if found else ""
    sys.stdout.write(f"{count} Python process{'' if count == 1 else 'es'} that may be looked at{tip}\n")
    return DONE


def show_xray(pid: int, view: ViewOptions, *, args: bool) -> int:
    """Show the picture of a program; return the exit status.

    Raises:
        CannotRunError: there is no such process (exit status 1), or this is not Linux (3).
    """
    _require_linux()
    pid = _watched_by(pid) or pid
    _check(pid)
    verdict = hang.judge(snapshot.take(pid, snapshot.SEARCH_S))
    if (pid, pid) not in verdict.waits:
        raise CannotRunError(f"PID {pid} has ended meanwhile", _FINDING, FAILED)
    rows = list(xray_rows.rows(verdict, args=args))
    if view.json:
        events = [own_event(Kind.RESULT, "thread", row, _ROLE) for row in rows]
        _write([*events, _summary(**xray_rows.facts(verdict))], pid)
    else:
        screen = XrayScreen(colour=False if view.plain else view.colour)
        if not view.quiet:
            _draw(screen, verdict, rows)
        screen.answer(verdict.name, verdict.answer)
    sys.stdout.flush()
    if xray_rows.lacks_py_spy(verdict):
        hint = pip_install("py-spy")
        sys.stderr.write(f"no lines of Python, because py-spy is not installed\ntry: {printable(hint)}\n")
    return _report_missing_right(verdict)


def _watched_by(pid: int) -> int:
    """Return the program that this process watches; 0 if it is no ``procdemo watch``."""
    words = procfs.read(f"/proc/{pid}/cmdline").split(b"\0")
    names = [word.rpartition(b"/")[2] for word in words]
    if b"watch" not in words or not {b"procdemo", b"procdemo.__main__", b"__main__.py"}.intersection(names):
        return 0
    children = procfs.read(f"/proc/{pid}/task/{pid}/children").split()  # the oldest first
    return int(children[0]) if children else 0


def _require_linux() -> None:
    if not procfs.LINUX:
        message = "xray reads what the kernel knows of processes from /proc, which only Linux has"
        raise CannotRunError(message, "the same on Linux, or in WSL", MISSING)
    procfs.require("what processes wait for")


def _check(pid: int) -> None:
    """Check that there is such a program, and that it is not this command."""
    if pid == os.getpid():
        raise CannotRunError(f"PID {pid} is this command itself", _FINDING, FAILED)
    found = procfs.stat(pid)
    if found is None:
        raise CannotRunError(f"there is no process with PID {pid}", _FINDING, FAILED)
    leader = next(
        (
            int(line.split()[1])
            for line in procfs.read(f"/proc/{pid}/status").splitlines()
            if line.startswith(b"Tgid:")
        ),
        pid,
    )
    if leader != pid:
        raise CannotRunError(f"{pid} is a thread of PID {leader}", f"procdemo xray {leader}", FAILED)
    if not found.alive:
        raise CannotRunError(
            f"PID {pid} has ended; its parent, PID {found.parent}, has not asked for its exit status",
            f"procdemo xray {found.parent}",
            FAILED,
        )
    family = [pid, *procfs.descendants(pid)]
    if programs.may_look(pid) and not any(programs.is_python(each) for each in family if each != os.getpid()):
        name = printable(programs.program(pid).name, 40)
        message = f"PID {pid} is {name or 'a process'}: not Python, and no process below it is"
        raise CannotRunError(message, _FINDING, FAILED)


def _draw(screen: XrayScreen, verdict: Verdict, rows: list[dict[str, Any]]) -> None:
    picture = verdict.context.snapshot
    for process in picture.processes.values():
        about = {programs.OTHER: " (not Python)", programs.HELPER: " (a helper of multiprocessing)"}
        name = f" (PID {process.pid}): {process.program.name}" if process.role == "main" else ""
        own = [row for row in rows if row["pid"] == process.pid]
        command = f": {own[0]['args']}" if own and "args" in own[0] else ""
        screen.heading(f"{process.role}{name}{about.get(process.program.kind, '')}{command}")
        for row in own:
            screen.thread(row)
        if process.problem:
            screen.heading(f"  no lines of Python: the process {process.problem}")
    screen.circle(list(hang.lines_of(verdict, verdict.circle)))


def _report_missing_right(verdict: Verdict) -> int:
    """Say which right is missing, if one is; return the exit status."""
    for process in verdict.context.snapshot.processes.values():
        hidden = any(thread.call is None and thread.state in "SD" for thread in process.threads.values())
        if process.problem.startswith(live_stacks.CLOSED) or (hidden and not programs.may_look(process.pid)):
            message, _, hint = live_stacks.missing_right(process.pid).partition("; ")
            sys.stderr.write(f"error: PID {process.pid} is closed to us: {message}\ntry: {hint}\n")
            return MISSING
    return DONE


def _age(seconds: float) -> str:
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    return f"{hours} h" if hours > 1 else f"{minutes} min" if minutes > 1 else f"{int(seconds)} s"


def _write(events: list[Event], pid: int | None) -> None:
    writer = JsonLines(sys.stdout)
    about = {"schema": SCHEMA, "command": "xray", "version": __version__, "pid": pid}
    for event in (own_event(Kind.MARK, META, about, _ROLE), *events):
        writer(event)
    writer.close()


def _summary(**facts: Any) -> Event:
    return own_event(Kind.RESULT, SUMMARY, {"ok": True, **facts}, _ROLE)
