"""What a thread waits for at pipes, sockets, terminals and other descriptors: who has the other end."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from procdemo.probe import attributes, own_line, programs, wait_reason
from procdemo.probe.common_files import File
from procdemo.probe.snapshot import Process, Thread
from procdemo.probe.system_calls import ACCEPT, END, WRITE
from procdemo.probe.thread_waits import (
    BLOCKED,
    HOUSEKEEPING,
    IDLE,
    WAITING,
    Context,
    Node,
    Wait,
    for_end,
    reason,
)
from procdemo.process import procfs

_MOST_TASKS = 3
_TERMINALS = ("/dev/pts/", "/dev/tty", "/dev/console")
_FROM_OUTSIDE = {
    "anon_inode:inotify": "a change of a file",
    "anon_inode:[signalfd]": "a signal",
    "anon_inode:[timerfd]": "a timer",
}


def at_descriptors(context: Context, process: Process, thread: Thread) -> Wait:
    """Return the wait of a thread at the descriptors of its system call: one of them is enough."""
    call = thread.call
    assert call  # noqa: S101 - the caller has it
    parts = [_part(context, process, thread, fd, use) for fd, use in dict.fromkeys(call.fds)]
    said = reason(thread)
    if said == wait_reason.LOOP:
        said += _tasks(process, thread)
    shown = [part for part in parts if part.outside] or parts
    words = " or ".join(dict.fromkeys(part.words for part in shown[:4])) + (" or others" if shown[4:] else "")
    if said in HOUSEKEEPING:
        words = said
    elif said and not any(part.outside for part in parts):
        words = f"{said} ({words})" if words and words not in said else said
    state = BLOCKED if any(use == WRITE for _, use in call.fds) or call.name == "waitid" else WAITING
    return Wait(
        state,
        words or "something",
        _merged(part.on for part in parts),
        _merged(part.enders for part in parts),
        known=bool(parts) and all(part.known for part in parts),
        every=len(parts) == 1 and parts[0].every,
        outside=" or ".join(dict.fromkeys(part.outside for part in parts if part.outside)),
        limited=call.limited,
        left_s=call.left_s,
        still=thread.still,
    )


def _tasks(process: Process, thread: Thread) -> str:
    """Return which tasks of an event loop wait, and where."""
    if process.tasks is None:
        return ""
    tasks = process.tasks.get(thread.tid, ())
    told = [
        f"task {task.name}" + (f" at {frame.path.rpartition('/')[2]}:{frame.line}" if frame else "")
        for task in tasks[:_MOST_TASKS]
        for frame in [own_line.own_frame(task.stack)]
    ]
    more = f" and {len(tasks) - _MOST_TASKS} more tasks" if tasks[_MOST_TASKS:] else ""
    return f" of {', '.join(told)}{more}" if told else ""


def _merged(groups: Iterable[tuple[Node, ...]]) -> tuple[Node, ...]:
    return tuple(dict.fromkeys(node for group in groups for node in group))


def _part(context: Context, process: Process, thread: Thread, fd: int, use: str) -> Wait:
    file = process.files.get(fd)
    if not file:
        return Wait(WAITING, "something")
    if file.target.startswith("pipe:") or _is_fifo(process.pid, fd, file):
        return _pipe(context, process, thread, file, use)
    if file.target.startswith("socket:"):
        return _socket(context, process, thread, file, use)
    if file.target.startswith(_TERMINALS):
        words = "the terminal to take output (Ctrl-Q)" if use == WRITE else "you to type, at the terminal"
        return Wait(WAITING, words, outside=words)
    if use == END or file.target == "anon_inode:[pidfd]":
        return for_end(context, _pid_of_pidfd(process.pid, fd), thread)
    outside = _FROM_OUTSIDE.get(file.target, "")
    return Wait(WAITING, outside or "data" if use != WRITE else "room", outside=outside)


def _is_fifo(pid: int, fd: int, file: File) -> bool:
    if not file.target.startswith("/"):
        return False
    with suppress(OSError):
        return stat.S_ISFIFO(os.stat(f"/proc/{pid}/fd/{fd}").st_mode)
    return False


def _pid_of_pidfd(pid: int, fd: int) -> int:
    for line in procfs.read(f"/proc/{pid}/fdinfo/{fd}").splitlines():
        if line.startswith(b"Pid:"):
            return int(line.split()[1])
    return 0


def _pipe(context: Context, process: Process, thread: Thread, file: File, use: str) -> Wait:
    """Return the wait at a pipe: for the threads of all processes that have its other end."""
    pids = [
        pid
        for pid, other in context.snapshot.holders.get(file.target, ())
        if (other.reads if use == WRITE else other.writes)
    ]
    if children := context.children_of_fork_server(pids):
        return _child_of_fork_server(context, process, thread, children)
    words = "room in a pipe" if use == WRITE else "data from a pipe"
    if file.target.startswith("/") and not file.target.endswith(" (deleted)"):
        name = f"another program that opens the FIFO {file.target.rpartition('/')[2]}"
        return _ends(
            context, (process.pid, thread.tid), words, "read" if use == WRITE else "write", pids
        )._replace(outside=name)
    return _ends(context, (process.pid, thread.tid), words, "read" if use == WRITE else "write", pids)


def _child_of_fork_server(context: Context, process: Process, thread: Thread, children: list[int]) -> Wait:
    """Return the wait at a pipe of the fork server, which only reports the end of its children.

    The object of the child (``Popen``) has its PID. If it is not found, it may be any child.
    """
    where = zip(thread.stack, thread.objects, strict=True)
    popen = next((at for frame, at in where if frame.path.endswith("/popen_forkserver.py")), 0)
    known = attributes.numbers(process.pid, popen) if popen else set()
    own = {own: pid for pid in children for own, tid in procfs.own_numbers(pid).items() if tid == pid}
    children = [own[number] for number in known & own.keys()] or children
    nodes = tuple((pid, pid) for pid in context.in_tree(children))
    names = " or ".join(context.snapshot.processes[pid].role for pid, _ in nodes)
    return Wait(WAITING, f"{names} to end", nodes, (*nodes, *context.unsettled_servers), known=bool(nodes))


def _socket(context: Context, process: Process, thread: Thread, file: File, use: str) -> Wait:
    found = context.snapshot.sockets.get(file.target)
    words = "room in a connection" if use == WRITE else "data from a connection"
    if not found:
        return Wait(WAITING, words)
    if found.listens or use == ACCEPT:
        client = f"a client at {found.here}" if found.here else "a client"
        return Wait(WAITING, client, outside=client)
    if found.connects:
        return Wait(WAITING, f"an answer of {found.there}: there is no connection yet", outside=found.there)
    there = f" with {found.there}" if found.there else ""
    if not found.peer:
        # A Unix socket without a peer that we can see is of another network, or has no other end.
        return Wait(WAITING, words + there, outside=found.there)
    pids = [pid for pid, _ in context.snapshot.holders.get(found.peer, ())]
    verb = "read" if use == WRITE else "write"
    return _ends(context, (process.pid, thread.tid), words + there, verb, pids)


def _ends(context: Context, node: Node, words: str, verb: str, pids: list[int]) -> Wait:
    """Return the wait for one of these processes to read or write at the other end."""
    processes = context.snapshot.processes
    inside = context.in_tree(pids)
    strangers = [pid for pid in dict.fromkeys(pids) if pid not in processes]
    if strangers:
        names = " or ".join(f"PID {pid} ({programs.comm(pid)})" for pid in strangers[:3])
        return Wait(WAITING, f"{words} of {names}", outside=names)
    if not pids:
        return Wait(WAITING, f"{words}; the process at the other end is not known")
    others = [pid for pid in inside if pid != node[0]]
    moving = context.unsettled_servers if others else context.unsettled
    enders = (*context.threads_of(inside, without=node), *(each for each in moving if each != node))
    if not others:
        return Wait(
            WAITING, f"{words}; only the process itself has the end to {verb}", (), enders, known=True
        )
    names = " or ".join(processes[pid].role for pid in others[:3])
    more = f" or {len(others) - 3} others" if others[3:] else ""
    on = tuple(each for pid in others for each in _actors(context, pid, enders))
    return Wait(WAITING, f"{names}{more} to {verb}", on, enders, known=True)


def _actors(context: Context, pid: int, enders: tuple[Node, ...]) -> list[Node]:
    """Return the main thread of a process; if it only keeps house, the threads that do something."""
    if (pid, pid) in enders:
        return [(pid, pid)]
    return [
        (pid, tid)
        for own, tid in enders
        if own == pid and reason(context.snapshot.processes[pid].threads[tid]) not in IDLE
    ]
