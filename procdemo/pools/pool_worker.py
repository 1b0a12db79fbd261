"""A worker's side of a `ResilientPool`: take a task from the socket, note it, do it, note it again.

The notes go through a pipe without a lock, so they reach the parent whatever is killed.
"""

import os
import pickle
import socket
from typing import Any

from procdemo.demo.events import Emitter
from procdemo.process.record_pipe import Writer

TASK_BYTES = 65_000
"""Most bytes that one pickled task may have."""

_own: tuple[Writer, socket.socket, tuple[Any, ...], Emitter]


def init_worker(notes: Writer, tasks: socket.socket, extra_args: tuple[Any, ...], emit: Emitter) -> None:
    """Prepare this process to do tasks (a Pool's initializer).

    Args:
        notes: the parent hears by it what this worker does.
        tasks: a datagram socket that all workers read; each datagram is a task.
        extra_args: arguments that each task gets after its own.
        emit: where to report.
    """
    global _own  # noqa: PLW0603 - a Pool's initializer can leave things for the tasks only in globals
    _own = notes, tasks, extra_args, emit
    tasks.setblocking(False)
    notes(("ready", os.getpid(), 0, None))
    emit.mark("ready")


def run_next_task() -> tuple[int, Any] | None:
    """Do the next task in the socket and return its ticket and result.

    None if there is no task: the Pool was retired, and the parent has taken the task back.
    """
    notes, tasks, extra_args, emit = _own
    try:
        pickled, fds, _, _ = socket.recv_fds(tasks, TASK_BYTES, 1)
    except BlockingIOError:
        return None
    ticket, func, args, tell = pickle.loads(pickled)  # noqa: S301 - written by our parent, over a socket pair
    notes(("took", os.getpid(), ticket, None))
    if tell:
        emit.receive("submit", id=ticket)
    how, result = "raised", None
    try:
        conns = [socket.socket(fileno=fd) for fd in fds]
        result = func(*conns, *args, *extra_args, emit)
        if tell and result is not None:
            emit.send("callback", id=ticket)
        how = "returned"
        return ticket, result if tell else None
    finally:
        notes((how, os.getpid(), ticket, None if tell else result))
