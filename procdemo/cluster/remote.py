"""What runs in a worker of the cluster: its events go home over dask's own connections.

A worker's `log_event` is one message to the scheduler, which hands it to the client that
subscribed to its topic; on the way it cannot overtake the result of the same task, or be overtaken.
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
    """What an `Emitter` writes to in a worker; goes there as an argument."""

    topic: str
    """Of this run; only its main process has subscribed to it."""
    role: str = ""
    """Who reports; empty for the worker itself."""

    def __call__(self, record: Record, /) -> None:
        """Send `record` home, with the address of the worker in front."""
        worker = get_worker()
        worker.log_event(self.topic, [worker.address, *record[:6], self.role])


class Introduction(NamedTuple):
    """What a worker says of itself."""

    host: str
    boot: str
    """What tells two machines of one name apart (random(4), boot_id); empty where there is none."""
    pid: int
    time_ns: int
    """Its own `time.monotonic_ns`, just now."""


def introduce() -> Introduction:
    """Say who this worker is."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        boot = ""
    return Introduction(socket.gethostname(), boot, os.getpid(), time.monotonic_ns())


def run_task(
    ticket: int, deadline: float, func: Callable[..., Any], args: tuple[Any, ...], wire: RemoteWriter
) -> Any:
    """Return ``func(*args, emit)``, and tell when it began; beyond `deadline` the worker is killed.

    By the kernel, which nothing can keep from it (setitimer(2)); a nanny starts the next worker. A
    worker with many threads does one such task at a time, for there is one such clock in a process,
    and one limit of memory (`procdemo.crawler.parse_guard`).
    """
    emit = Emitter(wire)
    with _one_at_a_time:
        emit.receive("submit", id=ticket)
        signal.setitimer(signal.ITIMER_REAL, deadline)
        try:
            result = func(*args, emit)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        emit.send("callback", id=ticket)
        return result
