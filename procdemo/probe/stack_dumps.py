"""The stacks of a Python process, also of one that hangs: requested by a signal, read from its stderr.

With ``PYTHONFAULTHANDLER=1`` a Python process that gets SIGABRT writes the stacks of all its threads to
stderr and dies (faulthandler, Python documentation). This needs no lock and no GIL, so it also works in a
process that hangs. In a free-threaded build of Python 3.14 and later it writes the stack of one thread only
(python/cpython#128425): there `procdemo.probe.remote_stacks` is asked first.
"""

import re
from typing import NamedTuple

ENVIRONMENT = {"PYTHONFAULTHANDLER": "1"}
"""To be added to the environment of the process when it is started."""

_THREAD = re.compile(r"(?:(?:Current thread|Thread) 0x[0-9a-f]+.*|Stack) \(most recent call first\):")
_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')


class Frame(NamedTuple):
    """A function call on a stack, and the line where it is."""

    path: str
    line: int
    function: str

    @property
    def file(self) -> str:
        """Folder and name of the file, e.g. ``multiprocessing/queues.py``."""
        return "/".join(self.path.rsplit("/", 2)[-2:])

    def __str__(self) -> str:
        return f"{self.path.rsplit('/', 1)[-1]}:{self.line} {self.function}"


Stack = list[Frame]
"""The innermost frame first."""


def parse(text: str) -> list[Stack]:
    """Return the stacks in what faulthandler wrote: the youngest thread first, the main thread last.

    If it shows one thread only, that is the one to which the kernel gave the signal: the main thread, unless
    that blocks the signal (Linux, complete_signal in kernel/signal.c).
    """
    stacks: list[Stack] = []
    for line in text.splitlines():
        if _THREAD.fullmatch(line):
            stacks.append([])
        elif stacks and (found := _FRAME.fullmatch(line)):
            stacks[-1].append(Frame(found[1], int(found[2]), found[3]))
    return stacks


def by_age(stacks: list[Stack], threads: int) -> list[Stack]:
    """Return a stack for each of `threads` threads, the oldest thread first, as the kernel lists them.

    A process may have threads that Python does not know. Then only the stack of the main thread can be
    assigned, and the others are empty.
    """
    own = [since_fork(stack) for stack in reversed(stacks)]
    return own if len(own) == threads else [own[0] if own else [], *[[]] * (threads - 1)]


def since_fork(stack: Stack) -> Stack:
    """Leave out the parent's frames: a forked child has a copy of them, and never returns to them."""
    first = next((index for index, frame in enumerate(stack) if frame.function == "_bootstrap"), len(stack))
    return stack[:first] if stack[first:] and stack[first].file == "multiprocessing/process.py" else stack
