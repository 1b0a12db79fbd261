"""The clients that are connected, but that no worker serves yet: in the main process of a pool of workers.

The list also keeps the account of a lesson: a client that had to wait is served by the worker that became
free. Whether it was the same PID is seen by what the pool reports, when a worker has taken the client. If a
worker was killed, no worker becomes free: a new one serves the client.
"""

import contextlib
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from procdemo.demo.events import Emitter
from procdemo.servers.crowd_log import CrowdLog
from procdemo.servers.handler import MORE_SERVED, Outcome

STORY = {
    "waits.begin": "{client} waits: no worker is free",
    "serves": "{worker} (PID {worker_pid}) serves {client}",
    "serves at last": "{worker} (PID {worker_pid}) serves {client}",
    "free": "{worker} (PID {worker_pid}) is free",
    "gave up": "{client} has left while it waited: it is not served",
}

DETAIL = {"serve.begin": "serves {client}"}
CROWDS = {
    "waits.begin": "... and {more} more clients wait",
    "serves": MORE_SERVED,
    "serves at last": MORE_SERVED,
    "free": "... and {more} more times a worker is free",
}

_FAILED = 0.0, ("its worker could not serve it", 0)
_HANG_UP = getattr(select, "POLLRDHUP", 0)  # Linux only, as of Python 3.13


class Waiting(NamedTuple):
    """A client that is connected, and not served yet."""

    conn: socket.socket
    client: str
    since: float
    """When it began to wait, by `time.monotonic`; 0 if a worker was free when it came."""
    tell: bool
    """Whether it is reported as it comes, and its worker reports it; else the crowd it is in is."""
    closed: bool = False
    """Whether it has closed its side while it waited; perhaps it still reads."""


class WaitingList:
    """The clients in the order in which they have come, and what became of those that had to wait."""

    def __init__(self, emit: Emitter, close: Callable[[socket.socket], object], crowd: CrowdLog) -> None:
        """Report with `emit` and `crowd`; call `close` with the connection of a client that has left."""
        self._emit, self._close, self._crowd = emit, close, crowd
        self._clients: deque[Waiting] = deque()
        self._free: set[int] = set()  # workers that have become free, and have taken no client since
        self._used: set[int] = set()  # workers that have taken a client
        self._bars: set[str] = set()  # clients that are shown to wait
        self.waited = 0
        """How many had to wait, and were served."""
        self.same_pid = 0
        """How many of those were served by a worker of which `note_free` had told."""
        self.new_pid = 0
        """How many of those were served by a worker that had taken no client before."""
        self.gave_up = 0
        """How many have left while they waited."""

    def __len__(self) -> int:
        return len(self._clients)

    def add(self, conn: socket.socket, client: str, *, must_wait: bool) -> None:
        """Add a client; if all workers are busy, report that it waits."""
        tell = self._crowd.may_tell()
        if must_wait and tell:
            self._bars.add(client)
            self._emit.begin("waits", client=client, place=len(self) + 1)
        since = time.monotonic() if must_wait else 0.0
        self._clients.append(Waiting(conn, client, since, tell))

    def note_free(self, worker: str, pid: int) -> None:
        """Note that a worker has become free, and report it if a client waits."""
        if self._clients:
            self._free.add(pid)
            if self._clients[0].tell:
                self._emit.mark("free", worker=worker, worker_pid=pid)

    def pop(self) -> Waiting | None:
        """Return the next client that is still there; None if there is none."""
        while self._clients:
            waiting = self._clients.popleft()
            if not waiting.since or not has_closed(waiting.conn):
                return waiting
            if has_sent(waiting.conn):
                return waiting._replace(closed=True)
            self._end_bar(waiting)
            self._note_gave_up(waiting)
            self._close(waiting.conn)
        return None

    def note_taken(self, waiting: Waiting, worker: str, pid: int) -> None:
        """Report which worker serves a client, and whether it is one that has just become free."""
        if not waiting.tell and not waiting.closed:  # or it has perhaps left
            self._crowd.note_opened(waiting.client)
        told: dict[str, Any] = {"client": waiting.client, "worker": worker, "worker_pid": pid}
        same_pid, new_pid = pid in self._free, pid not in self._free | self._used
        self._free.discard(pid)
        self._used.add(pid)
        if not waiting.since:
            if waiting.tell:
                self._emit.mark("serves", **told)
            return
        self.waited += 1
        self.same_pid += same_pid
        self.new_pid += new_pid
        self._end_bar(waiting)
        if waiting.tell:
            ms = (time.monotonic() - waiting.since) * 1e3
            self._emit.mark("serves at last", **told, ms=ms, same_pid=same_pid)

    def note_lost(self, waiting: Waiting) -> None:
        """Note that a worker was killed that had taken a client, or was about to take it."""
        self._end_bar(waiting)
        self._crowd.discard(waiting.client)

    def _end_bar(self, waiting: Waiting) -> None:
        if waiting.client in self._bars:
            self._bars.remove(waiting.client)
            self._emit.end("waits", client=waiting.client)

    def note_done(self, waiting: Waiting, result: tuple[float, Outcome] | None) -> bool:
        """Return whether a client was served: False if it had left before, and its answer was reset.

        `result` is that of `attend`; None if its worker has reported the client, or could not serve it.
        """
        self._crowd.count_served()
        if waiting.closed and was_reset(waiting.conn):
            self._crowd.discard(waiting.client)
            self._note_gave_up(waiting)
            return False
        if not waiting.tell:
            self._crowd.note_closed(waiting.client, *(result or _FAILED))
        return True

    def _note_gave_up(self, waiting: Waiting) -> None:
        self.gave_up += 1
        self._emit.mark("gave up", client=waiting.client)

    def account(self) -> dict[str, Any]:
        """Return data for the summary; ``answer`` says in words what became of those that waited."""
        answer = "" if self.gave_up or self._clients else "No client had to wait for a worker."
        if self.waited == 1:
            other = "a new worker" if self.new_pid else "another PID than the one that became free"
            answer = (
                f"1 client waited, and {'the PID that became free' if self.same_pid else other} served it."
            )
        elif self.waited:
            answer = f"{self.waited} clients waited. The PID that became free served {self.same_pid} of them."
            answer += f" A new worker served {self.new_pid}." if self.new_pid else ""
        if self.gave_up:
            answer += f" {self.gave_up} left while waiting."
        if self._clients:
            answer += f" {len(self._clients)} waited to the end without an answer."
        told = {"waited": self.waited, "same_pid": self.same_pid, "gave_up": self.gave_up}
        return {**told, "answer": answer.strip()}


def has_closed(conn: socket.socket) -> bool:
    """Return whether the client has closed its side; what it has sent before may still be unread."""
    poll = select.poll()
    poll.register(conn, _HANG_UP or select.POLLIN)
    if not poll.poll(0):
        return False
    return bool(_HANG_UP) or not has_sent(conn)


def has_sent(conn: socket.socket) -> bool:
    """Return whether there is something to be read."""
    with contextlib.suppress(OSError):  # it was reset
        return bool(conn.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    return False


def was_reset(conn: socket.socket) -> bool:
    """Return whether the client did not read the rest: its system has answered with a reset."""
    return conn.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def serve_if_there(serve: Callable[[], object], conn: socket.socket) -> bool:
    """Call `serve`, which serves a client that may have waited; return False if the client had left before.

    A client that had left, and had said nothing, is not served at all; one that had said something gets its
    answer, and it is seen by this whether it has left.
    """
    if not has_closed(conn):
        serve()
        return True
    if not has_sent(conn):
        conn.close()
        return False
    with conn.dup() as copy:
        serve()
        return not was_reset(copy)
