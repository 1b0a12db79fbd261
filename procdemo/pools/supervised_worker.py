"""What a parent knows of a worker that has a private pipe: its item, its answers, and how it ended."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from procdemo.process.children import Child

READY = "ready"
"""What a worker sends first, when it can take an item."""

ALIVE = "-"
"""The cause of death of a worker that has not died."""

BOOT_S = 30.0
"""Seconds for a worker to become ready."""

LEAVE_S = 1.0
"""Seconds for a worker whose pipe has ended to end by itself."""


@dataclass(slots=True, eq=False)
class SupervisedWorker:
    """A child process, and the parent's end of its pipe."""

    name: str
    pipe: Connection
    started: float
    """When it was started (`time.monotonic`)."""
    child: Child | None = None
    """Its process; None until that is started."""
    up: bool = False
    """Whether it has sent that it is ready."""
    item: int | None = None
    """What it has in hand: one item at most, so that its death costs no other."""
    ran: bool = False
    """Whether it has read that item; if not, its death is not held against the item."""
    since: float = 0.0
    """When it was given the item (`time.monotonic`)."""
    until: float = float("inf")
    """When it is killed, if it has sent nothing by then."""
    overdue: bool = False
    """Whether it was killed because the item took too long."""
    done: int = 0
    """How many items it has answered for."""
    cause: str = ALIVE
    """What it died of."""

    def __post_init__(self) -> None:
        self.until = self.started + BOOT_S

    @property
    def pid(self) -> int:
        """Its PID, 0 until it is started."""
        return self.child.pid if self.child else 0

    def give(self, item: int, deadline: float) -> None:
        """Send it `item`, to be done within `deadline` seconds."""
        now = time.monotonic()
        self.item, self.ran, self.since, self.until = item, True, now, now + deadline
        try:
            self.pipe.send(item)
        except OSError:  # it is dead, as its sentinel is about to show
            self.ran = False

    def take_back(self) -> int | None:
        """Note that it has nothing in hand any more; return the item it had."""
        item, self.item, self.until = self.item, None, float("inf")
        return item

    def received(self) -> Iterator[Any]:
        """Yield the answers that are in the pipe; do not wait.

        Raises:
            EOFError: there will be no more.
        """
        try:
            while self.pipe.poll():
                answer = self.pipe.recv()
                if answer == READY:
                    self.up, self.until = True, float("inf")
                    continue
                self.done += 1
                yield answer
        except OSError as error:
            if isinstance(error, ConnectionResetError):  # it died with something unread in its pipe: Linux
                # reports that (unix_release_sock in net/unix/af_unix.c); elsewhere the item counts as begun
                self.ran = False
            raise EOFError from error
