"""The oracle: what a command has left when it has ended, and whether that is right."""

import errno
import json
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from processes import listeners, ours

from procdemo.demo.events import Event, Kind

ALARMING = ("Traceback", "leaked", "Exception ignored", "DeprecationWarning", "ResourceWarning")
"""O5: words that must not be on stderr."""
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""O12: characters that control a terminal."""


@dataclass(frozen=True)
class Result:
    """What a command has left when it has ended."""

    args: Sequence[str]
    status: int
    stdout: str
    stderr: str
    seconds: float
    """From the last signal to the end; from the start if there was no signal."""
    survivors: Sequence[str]
    """Descendants that were alive a second after the end (GONE_S), each as PID and command line."""
    temporary: Sequence[str]
    shared_memory: frozenset[str]

    @cached_property
    def events(self) -> list[Event]:
        """The events of the demo that it wrote with ``--json``, without those of the sampler."""
        return [event for event in self.log if event.kind != Kind.STATE]

    @cached_property
    def log(self) -> list[Event]:
        """All events that it wrote with ``--json``; each line must be one."""
        return [Event(**json.loads(line)) for line in self.stdout.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        """The data of the last event, which must be the summary."""
        assert self.events, self.told()
        assert self.events[-1].name == "summary", self.told()
        return self.events[-1].data

    def named(self, name: str) -> list[Event]:
        """Return the events of this name."""
        return [event for event in self.events if event.name == name]

    def told(self) -> str:
        """Return all that the command wrote, for the message of a failure."""
        return (
            f"$ {' '.join(self.args)}\nstatus {self.status} after {self.seconds:.2f} s\n"
            f"--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}\n---"
        )

    def assert_clean(
        self, status: int | Sequence[int] = 0, *, port: int | None = None, stderr_lines: int = 3
    ) -> Self:
        """Assert the right status, that nothing is left, and nothing odd is written (`finish` asserts O1)."""
        wanted = [status] if isinstance(status, int) else status
        assert self.status in wanted, f"O2: wanted {wanted}\n{self.told()}"
        assert not self.survivors, f"O3: still alive: {self.survivors}\n{self.told()}"
        alarms = [word for word in ALARMING if word in self.stderr]
        assert not alarms, f"O5: {alarms}\n{self.told()}"
        assert self.stderr.count("\n") <= stderr_lines, f"O5: too much on stderr\n{self.told()}"
        assert port is None or is_free(port), f"O6: port {port} is still taken\n{self.told()}"
        assert not self.temporary, f"O7: left in the temporary directory: {self.temporary}\n{self.told()}"
        assert not self.shared_memory, f"O7: left in /dev/shm: {self.shared_memory}\n{self.told()}"
        for stream in (self.stdout, self.stderr):
            found = FORBIDDEN.search(stream)
            assert not found, f"O12: {found[0]!r} at {found.start()}\n{self.told()}"
        return self


def is_free(port: int) -> bool:
    """Return whether none of our processes listens on this port of loopback; another program may take it."""
    return can_bind(port) or listeners(port).isdisjoint({0, *ours()}) or can_bind(port)


def can_bind(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1 right now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True
