"""The stacks of a live Python process, which lives on: read from its memory by py-spy (extra ``xray``).

Why py-spy, and not pystack? Both were tried (py-spy 0.4.3, pystack 1.7.2) with CPython 3.11.7, 3.12.1,
3.13.0, 3.14.10 and 3.15.2, under fork, spawn and forkserver, and both named threads and lines rightly.

- A process that waits need not be held, because its stacks do not change. Both can do that. But if it runs
  all the same, py-spy says that it failed; pystack 1.7.2 dies of SIGSEGV, and it is a library: so would we.
- A process that runs may have to be held. py-spy held one with two threads for 0 to 13 ms, one with 101
  threads for 36 to 78 ms; pystack for 14 to 68 ms and for 125 to 612 ms, because it reads symbols meanwhile.
  On two CPUs with ten times more to do than they can: py-spy up to 240 ms, pystack up to 2,400 ms.
- A program of its own costs 10 to 40 ms for a process; pystack's import alone costs 100 ms.

For pystack speaks that it can read a free-threaded build (py-spy: benfred/py-spy#711), and that it reads from
our own process: with Yama's ptrace_scope 1 only an ancestor of a process may look at it (Linux,
Documentation/admin-guide/LSM/Yama.rst). py-spy is our child, not an ancestor of the program, so it is
refused even where we are not, and needs ``sudo`` or CAP_SYS_PTRACE.

py-spy's ``--subprocesses`` gives up at the first child that is not Python (benfred/py-spy#846), so each
process is asked alone. Only frames are read: py-spy reads local variables only when told to.
"""

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from typing import Any, NamedTuple

from procdemo.demo.settings import CannotRunError, pip_install
from procdemo.probe.stack_dumps import Frame, Stack, since_fork
from procdemo.process import procfs

CLOSED = "is closed to us"
"""How the problem of a process begins if a right is missing."""

_EXIT_MISSING = 3
_HOLD = (False, False, False, True, True)
"""Whether to hold it at the first try, the second, ...: what is read while it runs may be of two moments."""
_NEVER = 3  # of ptrace_scope: not even root may (Linux, Documentation/admin-guide/LSM/Yama.rst)
_CAP_SYS_PTRACE = 19  # linux/capability.h


class Answer(NamedTuple):
    """What a process answers."""

    stacks: dict[int, Stack]
    """The number of each thread (TID) that Python knows -> its stack."""
    problem: str = ""
    """Why there are none: ``is not Python``, ``has ended``, or which right is missing and what to type."""
    names: dict[int, str] = {}  # noqa: RUF012 - never changed
    """The same number -> the name that the thread has in Python, e.g. ``MainThread``."""
    objects: dict[int, list[int]] = {}  # noqa: RUF012
    """The same number -> for each frame of its stack the address of the local variable ``self``, or 0."""
    process: int = 0
    """The address of its own ``multiprocessing.Process``; 0 if it has none, or if that is not known."""

    def of(self, threads: list[procfs.Thread]) -> list[Stack]:
        """Return a stack for each of these threads, empty if Python does not know it."""
        return [self.stacks.get(thread.tid, []) for thread in threads]


def find_py_spy() -> str:
    """Return the path of py-spy: beside our Python, or on the PATH.

    Raises:
        CannotRunError: it is not installed; exit status 3.
    """
    beside = shutil.which("py-spy", path=sysconfig.get_path("scripts"))
    if found := beside or shutil.which("py-spy"):
        return found
    raise CannotRunError("stacks of a live process need py-spy", pip_install("py-spy"), _EXIT_MISSING)


def ask(pid: int, *, may_hold: bool = True, objects: bool = False) -> Answer:
    """Return the stacks of a process, without the frames that a forked child has from its parent.

    It is not held if it waits, or if it was in the same functions twice in a row.

    Args:
        pid: the process.
        may_hold: otherwise what was read at last counts, though the process may have run meanwhile.
        objects: tell the address of the object to which the method of each frame belongs, too. py-spy reads
            all local variables for that.

    Raises:
        CannotRunError: py-spy is not installed; exit status 3.
    """
    py_spy = find_py_spy()
    seen = None
    answer = None
    for hold in _HOLD if may_hold else [False] * len(_HOLD):
        before = procfs.activity([pid])
        command = [py_spy, "dump", "--json", "--pid", str(pid)]
        done = _run([*command, *([] if hold else ["--nonblocking"]), *(["--locals"] if objects else [])])
        if done.returncode == 0:
            answer = _parse(done.stdout, procfs.own_numbers(pid))
            functions = {tid: [frame[::2] for frame in stack] for tid, stack in answer.stacks.items()}
            waits = not before[0] and procfs.activity([pid]) == before
            if waits or hold or functions == seen:
                return answer
            seen = functions
        elif problem := _problem(pid):
            return Answer({}, problem)
    if answer and not may_hold:
        return answer
    return Answer({}, f"does not answer: {(done.stderr.strip().splitlines() or ['py-spy says nothing'])[0]}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        check=False,
    )


def _parse(text: str, numbers: Mapping[int, int]) -> Answer:
    """Return what is in py-spy's JSON, innermost frames first; `numbers`: its numbers of threads -> ours."""
    answer = Answer({}, "", {}, {})
    for thread in json.loads(text):
        tid = numbers.get(thread["os_thread_id"], thread["os_thread_id"])
        stack = since_fork(
            [
                # Its names are qualified, as in Class.method; those of faulthandler are not.
                Frame(frame["filename"], frame["line"], frame["name"].rpartition(".")[2])
                for frame in thread["frames"]
            ]
        )
        answer.stacks[tid] = stack
        answer.names[tid] = thread["thread_name"] or ""
        answer.objects[tid] = [_self(frame) for frame in thread["frames"][: len(stack)]]
        # What follows is that of its parent, in a process that was forked.
        if process := next((_self(each) for each in thread["frames"] if _begins_process(each)), 0):
            answer = answer._replace(process=process)
    return answer


def _self(frame: Mapping[str, Any]) -> int:
    """Return the address of the local variable ``self``; 0 if there is none."""
    return next((each["addr"] for each in frame["locals"] or () if each["name"] == "self"), 0)


def _begins_process(frame: Mapping[str, Any]) -> bool:
    name = frame["name"].rpartition(".")[2]
    return bool(name == "_bootstrap" and frame["filename"].endswith("multiprocessing/process.py"))


def _problem(pid: int) -> str:
    """Return why a process cannot answer; empty if no reason is known."""
    found = procfs.stat(pid)
    if not (found and found.alive):
        return "has ended"
    if not _may_trace(pid):
        return f"{CLOSED}: {missing_right(pid)}"
    maps = procfs.read(f"/proc/{pid}/maps")
    return "" if b"python" in maps.lower() else "is not Python"


def _may_trace(pid: int) -> bool:
    """Return whether py-spy may look, being a child of ours: that is no ancestor, so Yama counts."""
    try:
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return _has_capability() or _yama() == 0


def missing_right(pid: int) -> str:
    """Return which right to look at a process is missing, and what to type (ptrace(2))."""
    try:
        owner = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return "it has ended"
    if _yama() == _NEVER:
        return "ptrace_scope is 3 (Yama) until the machine is started anew; set it to 1, and reboot"
    if os.getuid() == 0:
        return "CAP_SYS_PTRACE is missing; start the container with --cap-add SYS_PTRACE"
    if owner == os.getuid() and _yama():
        return f"ptrace_scope is {_yama()} (Yama); type sudo before the command"
    return f"it belongs to user {owner}; type sudo before the command"


def _yama() -> int:
    return int(procfs.read("/proc/sys/kernel/yama/ptrace_scope") or b"0")


def _has_capability() -> bool:
    """Return whether we have CAP_SYS_PTRACE: proc(5), CapEff of /proc/PID/status."""
    for line in procfs.read("/proc/self/status").splitlines():
        if line.startswith(b"CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_SYS_PTRACE & 1)
    return False
