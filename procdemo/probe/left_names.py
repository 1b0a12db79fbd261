"""Which names in /dev/shm a program leaves behind, and which of its processes made them.

Semaphores and shared memory of multiprocessing have names there (sem_overview(7), shm_overview(7)). The file
does not say who made it. So a few times a second the folder is listed; if there is a new name, it belongs to
the first process of the program that has it in its memory (``/proc/PID/maps``).
"""

import time
from collections.abc import Callable, Collection, Iterable

from procdemo.probe import common_files
from procdemo.process import memory_maps, procfs

_PAUSE_S = 0.25
_TRIES = 4  # looks after which a name that no process of the program has belongs to another program


class LeftNames:
    """The names that a program has in /dev/shm."""

    def __init__(self, others: Collection[str]) -> None:
        """Take no interest in `others`, which were there before the program."""
        self._others = set(others)
        self._makers: dict[str, int] = {}
        self._tries: dict[str, int] = {}
        self._due = 0.0

    def look_if_due(self, family: Callable[[], Iterable[int]]) -> None:
        """Look for new names, if it is time for that; `family` returns the processes, parents first."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _PAUSE_S
        unknown = set(common_files.names_in_shm()) - self._others - self._makers.keys()
        new = {common_files.file_in_shm(name): name for name in unknown}
        for pid in family() if new else ():
            for mapping in memory_maps.parse(procfs.read(f"/proc/{pid}/maps")):
                if name := new.get(mapping.file):
                    self._makers.setdefault(name, pid)
        for name in set(new.values()) - self._makers.keys():
            self._tries[name] = self._tries.get(name, 0) + 1
            if self._tries[name] == _TRIES:
                self._others.add(name)

    def left(self) -> dict[str, int]:
        """Return the names that are still there, with the PID of the process that made each."""
        there = set(common_files.names_in_shm()) if self._makers else ()
        return {name: pid for name, pid in self._makers.items() if name in there}
