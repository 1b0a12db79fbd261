"""Where Python is in a process that does not answer: asked for by a signal, read from its stderr.

With ``PYTHONFAULTHANDLER=1`` a Python process that gets SIGABRT writes the stacks of all its
threads to stderr and dies (faulthandler, Python documentation). It needs no lock and no GIL, so
a process that hangs answers as well.
"""

import re
from typing import NamedTuple

ENVIRONMENT = {"PYTHONFAULTHANDLER": "1"}

_THREAD = re.compile(r"(?:Current thread|Thread) 0x[0-9a-f]+.* \(most recent call first\):")
_FRAME = re.compile(r'  File "(.*)", line (\d+) in (.*)')


class Frame(NamedTuple):
    """A line of Python at work."""

    path: str
    line: int
    function: str

    @property
    def file(self) -> str:
        """Folder and name, e.g. ``multiprocessing/queues.py``."""
        return "/".join(self.path.rsplit("/", 2)[-2:])

    def __str__(self) -> str:
        return f"{self.path.rsplit('/', 1)[-1]}:{self.line} {self.function}"


Stack = list[Frame]
"""The innermost frame first."""


def parse(text: str) -> list[Stack]:
    """Return the stacks in what faulthandler wrote: the youngest thread first, the main thread last."""
    stacks: list[Stack] = []
    for line in text.splitlines():
        if _THREAD.fullmatch(line):
            stacks.append([])
        elif stacks and (found := _FRAME.fullmatch(line)):
            stacks[-1].append(Frame(found[1], int(found[2]), found[3]))
    return stacks


def by_age(stacks: list[Stack], threads: int) -> list[Stack]:
    """Return a stack for each of so many threads, the oldest first, as the kernel has them.

    There may be threads that Python knows nothing of; then only the main thread's is certain.
    """
    own = [_since_birth(stack) for stack in reversed(stacks)]
    return own if len(own) == threads else [own[0] if own else [], *[[]] * (threads - 1)]


def _since_birth(stack: Stack) -> Stack:
    """Leave out the frames in which a parent forked: the child has them, too, and never returns there."""
    born = next((place for place, frame in enumerate(stack) if frame.function == "_bootstrap"), len(stack))
    return stack[:born] if stack[born:] and stack[born].file == "multiprocessing/process.py" else stack
