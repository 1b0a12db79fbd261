"""What a process is: a Python program, a helper of multiprocessing, or another program; and its name.

Only the names of programs and scripts are taken from a command line, because the rest can hold secrets.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from procdemo.process import procfs
from procdemo.process.mp_helpers import helper_named

PYTHON, HELPER, OTHER = "python", "helper", "other"
"""Kinds of processes; a helper is multiprocessing's fork server or resource tracker."""

_INTERPRETER = re.compile(r"(?:python|pypy)[\d.]*[a-z]*")
_WITH_VALUE = {"--check-hash-based-pycs"}
_LIBRARY = re.compile(rb"/libpython[\d.]+[a-z]*\.so")


class Program(NamedTuple):
    """What a process runs."""

    kind: str
    """`PYTHON`, `HELPER` or `OTHER`."""
    name: str
    """The script (``bank.py``), the module (``-m pytest``), the helper, or the name of the program."""
    forked: bool = False
    """Whether multiprocessing has started it: the name is then that of a ``child``."""


class Tree(NamedTuple):
    """A Python program and all below it, for a list."""

    pid: int
    name: str
    depth: int
    """0 for a program that no other Python program has started."""
    start_ticks: int
    processes: int
    """How many it has with all its descendants."""


def program(pid: int) -> Program:
    """Return what a process runs."""
    command = procfs.read(f"/proc/{pid}/cmdline")
    words = command.decode("utf-8", "backslashreplace").split("\0")
    if not is_python(pid):
        return Program(OTHER, comm(pid))
    parent_command = procfs.read(f"/proc/{procfs.parent(pid)}/cmdline") if helper_named(command) else b""
    if helper := helper_named(command, parent_command):
        return Program(HELPER, helper)
    if helper_named(command) or "--multiprocessing-fork" in words:
        return Program(PYTHON, "child", forked=True)
    return Program(PYTHON, script(words) or comm(pid))


def is_python(pid: int) -> bool:
    """Return whether a process is a Python interpreter, or has one in it; false if it is closed to us."""
    try:
        path = os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    except OSError:
        return bool(_INTERPRETER.fullmatch(comm(pid)))
    if _INTERPRETER.fullmatch(path.rpartition("/")[2]):
        return True
    return bool(_LIBRARY.search(procfs.read(f"/proc/{pid}/maps")))


def may_look(pid: int) -> bool:
    """Return whether the kernel shows us the system calls of a process (ptrace(2), PTRACE_MODE_ATTACH)."""
    try:
        with open(f"/proc/{pid}/syscall", "rb", buffering=0) as file:
            return bool(file.read(1))
    except OSError:
        return False


def trees() -> Iterator[Tree]:
    """Yield each Python process that we may look at, below the one that started it; never this process."""
    found = dict(procfs.processes())
    found.pop(os.getpid(), None)
    below: dict[int, list[int]] = {}
    for pid, stat in found.items():
        below.setdefault(stat.parent, []).append(pid)
    shown = {
        pid: kind
        for pid, stat in found.items()
        if stat.alive and is_python(pid) and may_look(pid) and (kind := program(pid)).kind == PYTHON
    }
    for pid in sorted(found, key=lambda pid: found[pid].start_ticks):
        if found[pid].parent not in found or found[pid].parent == 0:
            yield from _below(pid, 0, found, below, shown)


def _below(
    pid: int,
    depth: int,
    found: Mapping[int, procfs.Stat],
    below: Mapping[int, list[int]],
    shown: Mapping[int, Program],
) -> Iterator[Tree]:
    todo = [(pid, depth)]
    while todo:
        pid, depth = todo.pop()
        if pid in shown:
            yield Tree(pid, shown[pid].name, depth, found[pid].start_ticks, 1 + _count(pid, below))
            depth += 1
        todo.extend((child, depth) for child in reversed(below.get(pid, [])))


def _count(pid: int, below: Mapping[int, list[int]]) -> int:
    todo, count = [pid], -1
    while todo:
        todo.extend(below.get(todo.pop(), ()))
        count += 1
    return count


def script(words: list[str]) -> str:
    """Return the script of Python's command line, ``-m MODULE``, or ``-c`` without its code."""
    rest = iter(words[1:])
    for word in rest:
        if word in {"", "-"} or not word.startswith("-"):
            return word.rpartition("/")[2]
        if word in _WITH_VALUE:
            next(rest, None)
        for index, option in enumerate("" if word.startswith("--") else word[1:], 2):
            if option == "c":
                return "-c"
            if option == "m":
                return f"-m {word[index:] or next(rest, '')}"
            if option in "WX":
                if not word[index:]:
                    next(rest, None)
                break
    return ""


def comm(pid: int) -> str:
    """Return the name that the kernel has for a process: 15 bytes at most; empty if it is gone."""
    return procfs.read(f"/proc/{pid}/comm").decode("utf-8", "backslashreplace").rstrip("\n")
