"""What a parent knows of a worker that has a private pipe: what it has in hand, has said, and died of."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

READY = "ready"
"""What a worker says first, when it can take an item."""

ALIVE = "-"
"""The cause of death of one that has not died."""

BOOT_S = 30.0
"""Seconds for a worker to come up."""

LEAVE_S = 1.0
"""Seconds for a worker whose pipe has ended to leave by itself."""


@dataclass(slots=True, eq=False)
class SupervisedWorker:
    """A child process, and the parent's end of its pipe."""

    name: str
    process: BaseProcess
    pipe: Connection
    born: float
    """When it was started (`time.monotonic`)."""
    pid: int = 0
    up: bool = False
    """Whether it has said that it is ready."""
    item: int | None = None
    """What it has in hand: one item at most, so that its death costs no other."""
    ran: bool = False
    """Whether it has read that item; if not, its death is not held against the item."""
    since: float = 0.0
    """When it was given the item (`time.monotonic`)."""
    until: float = float("inf")
    """When it is killed, if it has not spoken by then."""
    overdue: bool = False
    """Whether it was killed because the item took too long."""
    done: int = 0
    """How many items it has answered for."""
    cause: str = ALIVE
    """What it died of."""

    def __post_init__(self) -> None:
        self.until = self.born + BOOT_S

    def give(self, item: int, deadline: float) -> None:
        """Send it `item`, to be done within `deadline` seconds."""
        now = time.monotonic()
        self.item, self.ran, self.since, self.until = item, True, now, now + deadline
        try:
            self.pipe.send(item)
        except OSError:  # it is dead, as its sentinel is about to tell
            self.ran = False

    def lay_down(self) -> int | None:
        """Take the item out of its hands, and return it."""
        item, self.item, self.until = self.item, None, float("inf")
        return item

    def said(self) -> Iterator[Any]:
        """Yield the answers that nobody has heard yet; never waits; closes the pipe at its end."""
        try:
            while not self.pipe.closed and self.pipe.poll():
                said = self.pipe.recv()
                if said == READY:
                    self.up, self.until = True, float("inf")
                    continue
                self.done += 1
                yield said
        except (EOFError, OSError) as error:
            if isinstance(error, ConnectionResetError):  # it died with something unread in its pipe: Linux
                # says so (unix_release_sock in net/unix/af_unix.c); elsewhere the item counts as begun
                self.ran = False
            self.pipe.close()
            self.until = min(self.until, time.monotonic() + LEAVE_S)
