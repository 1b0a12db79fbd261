"""What a thread waits for at pipes, sockets, terminals and other descriptors: who has the other end."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from procdemo.probe.snapshot import File, Process, Thread
from procdemo.probe.system_calls import ACCEPT, END, WRITE
from procdemo.probe.waits import BLOCKED, WAITING, Context, Node, Wait, for_end, reason
from procdemo.process import procfs

_TERMINALS = ("/dev/pts/", "/dev/tty", "/dev/console")
_FROM_OUTSIDE = {
    "anon_inode:inotify": "a change of a file",
    "anon_inode:[signalfd]": "a signal",
    "anon_inode:[timerfd]": "a timer",
}


class _Part(NamedTuple):
    """What could end the wait at one descriptor."""

    words: str
    on: tuple[Node, ...] = ()
    enders: tuple[Node, ...] = ()
    known: bool = False
    every: bool = False
    outside: str = ""


def at_descriptors(context: Context, process: Process, thread: Thread) -> Wait:
    """Return the wait of a thread at the descriptors of its system call: one of them is enough."""
    call = thread.call
    assert call  # noqa: S101 - the caller has it
    parts = [_part(context, process, thread, fd, use) for fd, use in dict.fromkeys(call.fds)]
    said = reason(thread)
    words = " or ".join(dict.fromkeys(part.words for part in parts[:4])) + (" or others" if parts[4:] else "")
    if said and not any(part.outside for part in parts):
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


def _merged(groups: Iterable[tuple[Node, ...]]) -> tuple[Node, ...]:
    return tuple(dict.fromkeys(node for group in groups for node in group))


def _part(context: Context, process: Process, thread: Thread, fd: int, use: str) -> _Part:
    file = process.files.get(fd)
    if not file:
        return _Part("something")
    node = (process.pid, thread.tid)
    if file.target.startswith("pipe:") or _is_fifo(process.pid, fd, file):
        return _pipe(context, node, file, use)
    if file.target.startswith("socket:"):
        return _socket(context, node, file, use)
    if file.target.startswith(_TERMINALS):
        words = "the terminal to take output (Ctrl-Q)" if use == WRITE else "you to type, at the terminal"
        return _Part(words, outside=words)
    if use == END or file.target == "anon_inode:[pidfd]":
        wait = for_end(context, _pid_of_pidfd(process.pid, fd), thread)
        return _Part(wait.words, wait.on, wait.enders, wait.known, wait.every)
    outside = _FROM_OUTSIDE.get(file.target, "")
    return _Part(outside or "data" if use != WRITE else "room", outside=outside)


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


def _pipe(context: Context, node: Node, file: File, use: str) -> _Part:
    """Return the wait at a pipe: for the threads of all processes that have its other end."""
    pids = [
        pid
        for pid, other in context.snapshot.holders.get(file.target, ())
        if (other.reads if use == WRITE else other.writes)
    ]
    words = "room in a pipe" if use == WRITE else "data from a pipe"
    return _ends(context, node, words, "read" if use == WRITE else "write", list(dict.fromkeys(pids)))


def _socket(context: Context, node: Node, file: File, use: str) -> _Part:
    found = context.snapshot.sockets.get(file.target)
    words = "room in a connection" if use == WRITE else "data from a connection"
    if not found:
        return _Part(words)
    if found.listens or use == ACCEPT:
        client = f"a client at {found.here}" if found.here else "a client"
        return _Part(client, outside=client)
    if found.connects:
        return _Part(f"an answer of {found.there}: there is no connection yet", outside=found.there)
    there = f" with {found.there}" if found.there else ""
    if not found.peer:
        # A Unix socket without a peer that we can see is of another network namespace, or has no other end.
        return _Part(words + there, outside=found.there)
    pids = [pid for pid, _ in context.snapshot.holders.get(found.peer, ())]
    return _ends(context, node, words + there, "write" if use != WRITE else "read", list(dict.fromkeys(pids)))


def _ends(context: Context, node: Node, words: str, verb: str, pids: list[int]) -> _Part:
    """Return the wait for one of these processes to read or write at the other end."""
    snapshot = context.snapshot
    children = context.children_of_fork_server(pids)
    inside = context.in_tree(pids)
    strangers = [pid for pid in pids if pid not in snapshot.processes]
    if strangers:
        names = " or ".join(f"PID {pid} ({_comm(pid)})" for pid in strangers[:3])
        return _Part(f"{words} of {names}", outside=names)
    if not pids:
        return _Part(f"{words}; the process at the other end is not known")
    if children and not [
        pid for pid in inside if pid != node[0]
    ]:  # the fork server reports the end of its children
        nodes = tuple((pid, pid) for pid in context.in_tree(children))
        names = " or ".join(snapshot.processes[pid].role for pid, _ in nodes)
        return _Part(f"{names} to end", nodes, nodes, known=bool(nodes))
    others = [pid for pid in inside if pid != node[0]]
    enders = context.threads_of(inside, without=node)
    if not others:
        return _Part(f"{words}; only the process itself has the end to {verb}", (), enders, known=True)
    names = " or ".join(snapshot.processes[pid].role for pid in others[:3])
    more = f" or {len(others) - 3} others" if others[3:] else ""
    return _Part(f"{names}{more} to {verb}", _first(context, others), enders, known=True)


def _first(context: Context, pids: list[int]) -> tuple[Node, ...]:
    return tuple((pid, pid) for pid in pids if pid in context.snapshot.processes[pid].threads)


def _comm(pid: int) -> str:
    return procfs.read(f"/proc/{pid}/comm").decode("utf-8", "backslashreplace").strip()
