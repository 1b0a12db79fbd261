"""A worker's side of a `ResilientPool`: take a task from the desk, note it, do it, note it again.

The notes go through a pipe without a lock, so they reach the parent whatever is killed.
"""

import multiprocessing
import os
import pickle
import socket
from multiprocessing.process import BaseProcess
from typing import Any

from procdemo.demo.events import Emitter, rename_process
from procdemo.process.record_pipe import Writer

WORDS = 65_000
"""Bytes that one task on the desk may have."""

_shift: tuple[Writer, socket.socket, tuple[Any, ...], Emitter]


def number(process: BaseProcess) -> int:
    """Return the number that multiprocessing gave `process`, called ``Process-7`` or ``Process-2:7``."""
    return int(process.name.rpartition("-")[2].rpartition(":")[2])


def init_worker(
    first: int, notes: Writer, desk: socket.socket, given: tuple[Any, ...], emit: Emitter
) -> None:
    """Be a worker from now on (a Pool's initializer); `first` is the number of ``worker-0``."""
    global _shift  # noqa: PLW0603 - an initializer has nowhere else to put things
    _shift = notes, desk, given, emit
    desk.setblocking(False)
    rename_process(f"worker-{number(multiprocessing.current_process()) - first}")
    notes(("hello", os.getpid(), 0))
    emit.mark("ready")


def run_next_task() -> tuple[int, Any] | None:
    """Do the next task on the desk and return its ticket and result.

    None when there is no task: its Pool was retired, and the parent took it back.
    """
    notes, desk, given, emit = _shift
    try:
        words, fds, _, _ = socket.recv_fds(desk, WORDS, 1)
    except BlockingIOError:
        return None
    ticket, func, args = pickle.loads(words)  # noqa: S301 - written by our parent, over a socket pair
    notes(("took", os.getpid(), ticket))
    emit.receive("submit", id=ticket)
    how = "failed"
    try:
        conns = [socket.socket(fileno=fd) for fd in fds]
        result = func(*conns, *args, *given, emit)
        if result is not None:
            emit.send("callback", id=ticket)
        how = "left"
        return ticket, result
    finally:
        notes((how, os.getpid(), ticket))
