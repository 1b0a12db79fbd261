"""What runs in a worker of the cluster: tasks whose events travel over dask's own connections.

`log_event` sends one message from a worker to the scheduler, which passes it to the client that has
subscribed to the topic. Events and the result of one task arrive in the order in which they were sent.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from distributed import get_worker

from procdemo.demo.events import Emitter, Record

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class RemoteWriter:
    """What the emitter of a task writes to; travels to the worker as an argument."""

    topic: str
    """The topic of this run; only the main process of the run has subscribed to it."""
    role: str = ""
    """The role that the events get; empty for the worker's own."""

    def __call__(self, record: Record, /) -> None:
        """Send the address of the worker and `record` to the main process."""
        worker = get_worker()
        worker.log_event(self.topic, [worker.address, *record[:6], self.role])


class Identity(NamedTuple):
    """What a worker says of itself."""

    host: str
    boot: str
    """Tells apart two machines of one name (random(4), boot_id); empty where there is none."""
    pid: int
    time_ns: int
    """Its `time.monotonic_ns` at the moment of the answer."""


def identify() -> Identity:
    """Return which process on which host this is."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        boot = ""
    return Identity(socket.gethostname(), boot, os.getpid(), time.monotonic_ns())


def run_task(
    ticket: int, deadline: float, func: Callable[..., Any], args: tuple[Any, ...], writer: RemoteWriter
) -> Any:
    """Return ``func(*args, emit)``; report its begin and its end.

    If it takes longer than `deadline` seconds, the kernel kills the worker (setitimer(2)), whatever the
    worker is doing; a nanny starts the next worker. A worker with many threads runs one such task at a time,
    because a process has one such timer, and one limit of memory (`procdemo.crawler.parse_guard`).
    """
    emit = Emitter(writer)
    with _one_at_a_time:
        emit.receive("submit", id=ticket)
        signal.setitimer(signal.ITIMER_REAL, deadline)
        try:
            result = func(*args, emit)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        emit.send("callback", id=ticket)
        return result
