"""The line of a program's own code in a stack, and its text, as the process itself sees the file."""

import ast
import os
import re
import stat
import time
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple

from procdemo.probe.stack_dumps import Frame, Stack
from procdemo.process import procfs

_LIBRARY = re.compile(
    r"<frozen |(?:^|/)lib(?:64)?/python[\d.]+t?/(?!site-packages/)|(?:^|/)lib/pypy[\d.]+/(?!site-)"
)
_INSTALLED = re.compile(r"/(?:site|dist)-packages/")
_AROUND = 4
_LONGEST = 2_000
_PYTHON = (".py", ".pyw")


def own_frame(stack: Stack) -> Frame | None:
    """Return the innermost frame of the program's own code: no library, and no installed package.

    If there is none, that of a package; if there is none of these, the innermost frame of all.
    """
    no_library = [frame for frame in stack if not _LIBRARY.search(frame.path)]
    own = [frame for frame in no_library if not _INSTALLED.search(frame.path)]
    return next(iter([*own, *no_library, *stack]), None)


def source(pid: int, frame: Frame) -> str:
    """Return the text of a line, as the process sees the file; empty if the file is gone, or newer than it.

    Only files of Python are read: a process could name any file as its own.
    """
    lines = _lines(*_where(pid, frame))
    return lines[frame.line - 1].strip() if 0 < frame.line <= len(lines) else ""


def around(pid: int, frame: Frame) -> tuple[int, str]:
    """Return the lines of source around that of a frame: the number of the first one, and their text."""
    first = max(frame.line - _AROUND, 1)
    lines = _lines(*_where(pid, frame))[first - 1 : frame.line + _AROUND]
    return first, "".join(lines).rstrip("\n")


class Blocks(NamedTuple):
    """The ``with`` blocks of a stack that may be those of locks.

    A block whose object is made there and then, as in ``with open(path):``, is none of a lock.
    """

    inside: tuple[str, ...]
    """The object of each block in which the thread is, as the source has it."""
    entering: str = ""
    """The object of the block at whose head its innermost line is; empty if it is at none."""
    entering_second: bool = False
    """Whether it is at the head of a block with several objects: it may have entered the first."""


def blocks(pid: int, stack: Stack) -> Blocks:
    """Return the blocks of a thread that waits for a lock."""
    inside: list[str] = []
    entering, second, inner = "", False, ""
    for frame in stack:
        if not _LIBRARY.search(frame.path):
            for block in _blocks(*_where(pid, frame)):
                at_head = block.header <= frame.line < max(block.first, block.header + 1)
                if at_head and inner in {"", "__enter__"}:
                    # In ``with lock: work()`` it is not known whether it enters or works.
                    if block.first > block.header or block.passes:
                        entering, second = entering or block.objects[-1], second or len(block.objects) > 1
                elif block.first <= frame.line <= block.last:
                    inside.extend(block.objects)
        inner = frame.function
    return Blocks(tuple(inside), entering, second)


def acquires(pid: int, stack: Stack) -> bool:
    """Return whether the program's own code in this stack takes a lock without a ``with`` block, too."""
    paths = {_where(pid, frame) for frame in stack if not _LIBRARY.search(frame.path)}
    return any(".acquire(" in line for path in paths for line in _lines(*path))


class _Block(NamedTuple):
    header: int
    first: int
    last: int
    objects: tuple[str, ...]
    passes: bool


def _where(pid: int, frame: Frame) -> tuple[str, int]:
    """Return the path at which we can read a file of a process, and when that was changed last, in ns.

    The path is empty if it is no file of Python, if it is gone, or if it is newer than the process.
    """
    path = frame.path
    with suppress(OSError, ValueError):
        if not path.startswith("/"):
            path = f"{os.readlink(f'/proc/{pid}/cwd')}/{path}"
        path = f"/proc/{pid}/root{path}"
        if path.endswith(_PYTHON) and os.path.realpath(path).endswith(_PYTHON):
            file = os.stat(path)
            if stat.S_ISREG(file.st_mode) and file.st_mtime <= _started(pid):
                return path, file.st_mtime_ns
    return "", 0


@lru_cache(64)
def _blocks(path: str, changed_ns: int) -> tuple[_Block, ...]:
    """Return the ``with`` blocks of a file."""
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        return tuple(
            _Block(
                node.lineno,
                node.body[0].lineno,
                node.end_lineno or node.lineno,
                objects,
                isinstance(node.body[0], ast.Pass),
            )
            for node in ast.walk(ast.parse("".join(_lines(path, changed_ns))))
            if isinstance(node, ast.With)
            and (
                objects := tuple(
                    ast.unparse(item.context_expr)
                    for item in node.items
                    if not isinstance(item.context_expr, ast.Call)
                )
            )
        )
    return ()


@lru_cache(64)
def _lines(path: str, changed_ns: int) -> tuple[str, ...]:  # noqa: ARG001 - what was read of an older file is old
    with suppress(OSError), open(path, encoding="utf-8", errors="backslashreplace") as text:
        return tuple(line[:_LONGEST] for line in text)
    return ()


def _started(pid: int) -> float:
    """Return when a process was started, in seconds since 1970, not too early."""
    found = procfs.stat(pid)
    ticks = found.start_ticks + 1 if found else 0
    # One clock right after the other, this one first: after a pause between them it is late, never too early.
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return ticks / os.sysconf("SC_CLK_TCK") + time.time() - since_boot
