"""The state of each worker of a server, in memory that all of them share (Apache's scoreboard).

A row for each worker, only that worker writes into it, eight bytes a cell: no lock is needed, so a
worker that is killed, at any moment, leaves nothing locked, and what it wrote last can still be read:

             heartbeat  up  present  served  refused | client
  worker-0         417   1        1      12        0 | client-2 (port 50312)
  worker-1         416   1        0      15        0 |
"""

import mmap
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any

from procdemo.process.nameless_memory import nameless_memory
from procdemo.process.record_pipe import Writer
from procdemo.servers.client_register import ClientRegister

HEARTBEAT, UP, PRESENT, SERVED, REFUSED = range(5)
"""Cells of a row."""

CLOSING = 0
"""The cell in front of all rows."""

_CELLS = 5
_NAME = 64  # bytes for the name of a client


class Scoreboard:
    """The rows of all workers, and in front of them whether the server is closing."""

    def __init__(self, workers: int, fd: int | None = None) -> None:
        """Make room for so many workers; or share the memory behind `fd`."""
        self.workers = workers
        size = 8 + 8 * _CELLS * workers + _NAME * workers
        self._fd = nameless_memory(size) if fd is None else fd
        self._map = mmap.mmap(self._fd, size)
        self._names = 8 + 8 * _CELLS * workers
        self.cells = memoryview(self._map)[: self._names].cast("Q")

    def __reduce__(self) -> tuple[Callable[..., "Scoreboard"], tuple[Any, ...]]:
        return _arrive, (self.workers, reduction.DupFd(self._fd))

    @property
    def closing(self) -> bool:
        """Whether no new clients are to be accepted."""
        return bool(self.cells[CLOSING])

    def close(self) -> None:
        """Tell all workers to accept no new clients, and to end when they have served those they have."""
        self.cells[CLOSING] = 1

    def get(self, row: int, cell: int) -> int:
        """Return a cell of a worker's row."""
        return self.cells[self.at(row) + cell]

    def total(self, cell: int) -> int:
        """Return the sum over all workers."""
        return sum(self.cells[1 + cell :: _CELLS])

    def at(self, row: int) -> int:
        """Return where a row begins in `cells`."""
        return 1 + row * _CELLS

    def client(self, row: int) -> str:
        """Return the name of the client that a worker serves, if the worker has written it."""
        start = self._names + row * _NAME
        return bytes(self._map[start : start + _NAME]).rstrip(b"\0").decode("ascii", "replace")

    def set_client(self, row: int, client: str) -> None:
        """Write the name of the client that a worker serves; "" for none."""
        start = self._names + row * _NAME
        self._map[start : start + _NAME] = client.encode()[:_NAME].ljust(_NAME, b"\0")

    def vacate(self, row: int) -> int:
        """Free the row of a worker that has ended; return how many clients it had."""
        at = self.at(row)
        present = self.cells[at + PRESENT]
        self.cells[at + UP] = self.cells[at + PRESENT] = 0
        return present


class Slot:
    """One worker's own row, and the pipe on which it says that it is ready; an argument of its process."""

    def __init__(
        self, scoreboard: Scoreboard, row: int, notes: Writer, clients: ClientRegister | None = None
    ) -> None:
        self.scoreboard = scoreboard
        self.row = row
        self.clients = clients or ClientRegister()
        """The names of the server's scripted clients."""
        self._notes = notes
        self._cells = scoreboard.cells
        self._at = scoreboard.at(row)

    def __reduce__(self) -> tuple[Callable[..., "Slot"], tuple[Any, ...]]:
        return Slot, (self.scoreboard, self.row, self._notes, self.clients)

    def ready(self) -> None:
        """Say that this worker accepts clients from now on."""
        self._cells[self._at + UP] = 1
        self._notes(("ready", self.row))

    def heartbeat(self) -> None:
        """Show that this worker lives: to be called again and again."""
        self._cells[self._at + HEARTBEAT] += 1

    def acquire(self, most: int) -> bool:
        """Count one more client, and return True, unless more than `most` would be connected (0: no limit).

        If it returns False, the caller refuses the client, which is counted as refused already.

        The client is counted first, then the limit is checked: two workers that are equally fast may both
        refuse, but never both accept.
        """
        cells, at = self._cells, self._at
        cells[at + PRESENT] += 1
        if not most or self.scoreboard.total(PRESENT) <= most:
            return True
        cells[at + PRESENT] -= 1
        cells[at + REFUSED] += 1
        return False

    def release(self) -> None:
        """Note that a client was served."""
        cells, at = self._cells, self._at
        cells[at + SERVED] += 1
        cells[at + PRESENT] -= 1


def _arrive(workers: int, fd: Any) -> Scoreboard:
    return Scoreboard(workers, fd.detach())
