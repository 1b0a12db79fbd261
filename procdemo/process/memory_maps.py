"""What a process has mapped into its memory: the lines of ``/proc/PID/maps`` (proc(5)), read in one place."""

from collections.abc import Iterator
from typing import NamedTuple

_NO_FILE = "00:00:0"


class Mapping(NamedTuple):
    """A part of a process's memory."""

    begin: int
    end: int
    rights: str
    """E.g. ``rw-p``."""
    file: str
    """The device and the inode of its file: the same in all processes.

    An inode alone would mix up files, because a container, or a private /dev/shm, counts its files anew.
    """
    path: str
    """Empty if it has none."""

    @property
    def has_no_file(self) -> bool:
        """Whether it is memory that no file backs."""
        return self.file == _NO_FILE

    @property
    def is_semaphore(self) -> bool:
        """Whether it is a semaphore of multiprocessing (sem_overview(7))."""
        return "/sem." in self.path


def parse(text: bytes) -> Iterator[Mapping]:
    """Yield the mappings in the text of ``/proc/PID/maps``; none if that could not be read."""
    for line in text.decode("utf-8", "replace").splitlines():
        span, rights, _, device, inode, *path = line.split(maxsplit=5)
        begin, end = (int(side, 16) for side in span.split("-"))
        yield Mapping(begin, end, rights, f"{device}:{inode}", path[0] if path else "")


def semaphore_at(text: bytes, address: int) -> str:
    """Return which file is multiprocessing's semaphore at this address; empty if there is none."""
    for mapping in parse(text):
        if mapping.begin <= address < mapping.end:
            return mapping.file if mapping.is_semaphore else ""
    return ""
