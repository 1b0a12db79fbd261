"""What this very Python offers to programs that do several things at a time: a GIL or none, sub-interpreters.

A sub-interpreter is an interpreter with a GIL and modules of its own, in the same process (library,
concurrent.interpreters; new in Python 3.14). A free-threaded build has no GIL, unless it is switched on
(howto/free-threading-python; from Python 3.13 on).
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from procdemo.demo.events import Emitter

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

STORY = {
    "free-threaded": "this Python is a free-threaded build: it has {gil}",
    "no interpreters": "no sub-interpreters: they are new in Python 3.14",
}


def has_gil() -> bool:
    """Return whether one thread at a time runs Python code in this process."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def is_free_threaded() -> bool:
    """Return whether this is a free-threaded build, also if its GIL is switched on."""
    return "t" in getattr(sys, "abiflags", "")


def gil_in_words() -> str:
    """Return what this Python has: ``a GIL``, or ``no GIL``; a free-threaded build is named."""
    if is_free_threaded():
        return "a GIL, though it is a free-threaded build" if has_gil() else "no GIL: a free-threaded build"
    return "a GIL"


def has_interpreters() -> bool:
    """Return whether a program can have several interpreters in one process."""
    return find_spec("concurrent.interpreters") is not None


def new_interpreter() -> Any:
    """Return a new sub-interpreter, a `concurrent.interpreters.Interpreter`; close it in the end.

    Raises:
        ImportError: this Python has none.
    """
    return import_module("concurrent.interpreters").create()


def interpreter_pool(workers: int) -> "Executor":
    """Return an `InterpreterPoolExecutor`: so many threads, each with an interpreter of its own.

    Raises:
        ImportError: this Python has none.
    """
    make: Callable[[int], Executor] = import_module("concurrent.futures").InterpreterPoolExecutor
    return make(workers)


def report(emit: Emitter) -> None:
    """Report what is unusual of this Python, and what it lacks; nothing of one that has all, and a GIL."""
    if is_free_threaded():
        emit.mark("free-threaded", gil="a GIL" if has_gil() else "no GIL")
    report_interpreters(emit)


def report_interpreters(emit: Emitter) -> None:
    """Report if there are no sub-interpreters."""
    if not has_interpreters():
        emit.mark("no interpreters")
