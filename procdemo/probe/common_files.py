"""What processes have in common: open pipes, sockets and files, and semaphores of multiprocessing."""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from procdemo.probe import semlock_memory
from procdemo.process import memory_maps, procfs


class File(NamedTuple):
    """An open file of a process."""

    target: str
    """What it is, e.g. ``pipe:[4711]``: the same for both ends and in all processes."""
    reads: bool
    writes: bool


def holders(family: set[int]) -> dict[str, list[tuple[int, File]]]:
    """Return who has which pipe, FIFO or socket open, if a process of the family has it, too."""
    ours = {file.target for pid in family for _, file in open_files(pid)}
    found: dict[str, list[tuple[int, File]]] = {}
    for pid, _ in procfs.processes():
        for _, file in open_files(pid):
            # The other end of a socket has another name.
            if file.target in ours or file.target.startswith("socket:"):
                found.setdefault(file.target, []).append((pid, file))
    return found


def open_files(pid: int) -> Iterator[tuple[int, File]]:
    """Yield the number of each open file of a process, and what it is; nothing if it is closed to us."""
    folder = f"/proc/{pid}/fd"
    with suppress(OSError):
        for name in os.listdir(folder):
            with suppress(OSError):
                mode = os.lstat(f"{folder}/{name}").st_mode  # the link's mode is how it was opened
                yield (
                    int(name),
                    File(os.readlink(f"{folder}/{name}"), bool(mode & 0o400), bool(mode & 0o200)),
                )


def semaphore_at(pid: int, address: int) -> str:
    """Return the number of multiprocessing's semaphore at this address; empty if there is none."""
    return memory_maps.semaphore_at(procfs.read(f"/proc/{pid}/maps"), address)


def public_name(pid: int, number: str) -> str:
    """Return the name of a semaphore that other programs may open, too; empty if multiprocessing made it.

    Its names begin with ``mp-`` (multiprocessing/synchronize.py, `SemLock._make_name`). The memory map has
    another name, because ``sem_open()`` maps a temporary file before it gives it its name.
    """
    root = f"/proc/{pid}/root"
    public = (name for name in names_in_shm(root) if not name.startswith("sem.mp-"))
    return next((name.removeprefix("sem.") for name in public if file_in_shm(name, root) == number), "")


def names_in_shm(root: str = "") -> list[str]:
    """Return the names in /dev/shm below this root."""
    try:
        return os.listdir(f"{root}/dev/shm")  # noqa: S108
    except OSError:
        return []


def file_in_shm(name: str, root: str = "") -> str:
    """Return device and inode of a name in /dev/shm, as `memory_maps.Mapping.file`; empty if it is gone."""
    try:
        stat = os.lstat(f"{root}/dev/shm/{name}")  # noqa: S108
    except OSError:
        return ""
    return f"{os.major(stat.st_dev):02x}:{os.minor(stat.st_dev):02x}:{stat.st_ino}"


def having_semaphores(numbers: set[str]) -> dict[str, list[int]]:
    """Return which processes of the machine have each of these semaphores."""
    found: dict[str, list[int]] = {number: [] for number in numbers}
    if numbers:
        for pid, _ in procfs.processes():
            for number in numbers & semlock_memory.semaphores(pid):
                found[number].append(pid)
    return found
