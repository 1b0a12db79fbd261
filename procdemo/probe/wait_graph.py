"""The wait-for graph of some processes that hang, in plain words: which thread waits for which, and why.

The kernel says in which system call each thread is, and for which pipe or process it waits; Python says in
which line; the memory of the processes says who holds a lock. All together show the circle of threads that
wait for each other, if there is one.
"""

import linecache
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from procdemo.probe import wait_reason, waits
from procdemo.probe.lock_holders import Claim, Lock, State
from procdemo.probe.stack_dumps import Frame, Stack
from procdemo.process import mp_helpers
from procdemo.process.procfs import Descriptor, Thread

_DEAD = "the lock of the dead"

FORK_SERVER = mp_helpers.FORK_SERVER
"""Name of the process that starts the others under forkserver."""


Node = tuple[int, int]
"""A thread: the PID of its process, and its index among the threads of that process."""


class Process(NamedTuple):
    """A process at the moment of the picture."""

    pid: int
    parent: int
    """Its parent's PID."""
    name: str
    threads: list[Thread]
    files: Mapping[int, Descriptor]
    stacks: list[Stack]
    """One for each thread, in the order of `threads`; empty if Python did not answer."""


class _Wait(NamedTuple):
    """What a thread waits for."""

    words: str
    targets: tuple[Node, ...] = ()
    """The threads that it waits for."""
    use: str = ""
    """``read`` or ``write``: what the first target could do at the other end of a pipe, and does not."""


class _Picture(NamedTuple):
    """What a wait is described with."""

    by_pid: Mapping[int, Process]
    locks: Mapping[str, Lock]
    letters: Mapping[str, str]
    """Semaphore -> the letter by which it is called."""
    script: str


class Graph(NamedTuple):
    """The graph, in words for a reader and as data for a picture."""

    lines: list[str]
    """Each thread with what it waits for."""
    found: list[str]
    """The circle, or why there is none."""
    rows: list[dict[str, Any]]
    """A row for each thread; `procdemo.render.wait_pictures` names the keys."""
    circle: list[Node]
    """Threads by PID and their own number: each waits for the next, and the last for the first."""


def describe(processes: list[Process], script: str, locks: Mapping[str, Lock] | None = None) -> Graph:
    """Return which thread waits for which.

    Args:
        processes: parents first; of multiprocessing's helpers only the fork server, because it
            reports the end of its children.
        script: the path of the script; its own lines are quoted.
        locks: what is known of the semaphores at which threads wait (`procdemo.probe.lock_holders`).
    """
    by_pid = {process.pid: process for process in processes}
    processes = [process for process in processes if process.name != FORK_SERVER]
    numbers = dict.fromkeys(thread.semaphore for process in processes for thread in process.threads)
    letters = {number: _letter(index) for index, number in enumerate(filter(None, numbers))}
    picture = _Picture(by_pid, locks or {}, letters, script)
    found = {
        (process.pid, index): _wait(process, index, picture)
        for process in processes
        for index in range(len(process.threads))
    }
    circle = _find_circle(found)
    lines = [*_lines_of_threads(processes, found, script)]
    if circle:
        why = ["A circle:", *(f"  {_sentence(node, found, by_pid)}" for node in circle)]
    else:
        why = [f"No circle: {_why_no_circle(processes, found, by_pid)}."]
    rows = [_row(node, wait, picture) for node, wait in found.items()]
    return Graph(lines, why, rows, [_by_number(node, by_pid) for node in circle])


def _lines_of_threads(processes: list[Process], found: Mapping[Node, _Wait], script: str) -> Iterator[str]:
    for process in processes:
        yield f"{process.name} (PID {process.pid})"
        for index, thread in enumerate(process.threads):
            state = f"{thread.state} in {thread.channel}" if thread.channel else thread.state
            yield f"  {_thread_name(index)}, state {state}: waits for {found[process.pid, index].words}"
            for line in _quote(_stack(process, index), script):
                yield f"    {line}"


def _row(node: Node, wait: _Wait, picture: _Picture) -> dict[str, Any]:
    """Return what is known of a thread, with the innermost line of the script in which it is."""
    pid, index = node
    process = picture.by_pid[pid]
    thread, stack = process.threads[index], _stack(process, index)
    frame = next((frame for frame in stack if frame.path == picture.script), stack[0] if stack else None)
    return {
        "pid": pid,
        "tid": thread.tid,
        "role": process.name,
        "program": picture.script.rpartition("/")[2],
        "thread": _thread_name(index),
        "state": str(waits.state_of(thread)),
        "file": frame.path if frame else "",
        "line": frame.line if frame else 0,
        "function": frame.function if frame else "",
        "source": linecache.getline(frame.path, frame.line).strip() if frame else "",
        "waits_for": wait.words,
        "on": [_by_number(target, picture.by_pid) for target in wait.targets],
        "lock": picture.letters.get(thread.semaphore, ""),
    }


def _by_number(node: Node, by_pid: Mapping[int, Process]) -> Node:
    """Return a thread by its own number instead of its index."""
    threads = by_pid[node[0]].threads[node[1] :]
    return node[0], threads[0].tid if threads else node[0]


def _wait(process: Process, index: int, picture: _Picture) -> _Wait:
    thread, stack, by_pid = process.threads[index], _stack(process, index), picture.by_pid
    words = wait_reason.of(thread, stack)
    if thread.child in by_pid:
        return _Wait(f"{by_pid[thread.child].name} to end", ((thread.child, 0),))
    if thread.fds:
        return _wait_at_pipe(process, words, thread, by_pid)
    if any(frame.function == "_finalize_join" for frame in stack):
        feeders = [n for n, other in enumerate(process.stacks) if any(f.function == "_feed" for f in other)]
        return _Wait(words, tuple((process.pid, feeder) for feeder in feeders))
    if thread.semaphore:
        return _wait_at_semaphore((process.pid, index), words, thread.semaphore, picture)
    return _Wait(words)


def _wait_at_semaphore(node: Node, words: str, number: str, picture: _Picture) -> _Wait:
    """Return the wait of a thread at a semaphore of multiprocessing: for the thread that holds the lock."""
    letter, lock = picture.letters[number], picture.locks.get(number)
    if not lock or lock.maxvalue != 1:  # of other semaphores it is not known which process gives one back
        takers = (
            [claim for claim in lock.claims if claim.taken > 0]
            if lock and words == wait_reason.A_LOCK
            else []
        )
        taken = " and ".join(f"{_name(claim, picture)} has taken {claim.taken}" for claim in takers)
        return _Wait(f"{words} (semaphore {letter}{', of which ' if taken else ''}{taken})")
    words = f"lock {letter}" if words == wait_reason.A_LOCK else f"{words} (lock {letter})"
    if lock.state is State.DEAD:
        return _Wait(f"{words}, {_DEAD}: it is taken, and no process that lives holds it")
    if not lock.holders:
        return _Wait(f"{words}, and it is not known which process holds it")
    holder = _node(lock.holders[0], picture)
    if holder == node:
        return _Wait(f"{words}, which it holds itself", (holder,))
    line = next(_quote(_stack(picture.by_pid[holder[0]], holder[1]), picture.script), "") if holder else ""
    at = f" ({line})" if line else ""
    return _Wait(f"{words}, which {_name(lock.holders[0], picture)} holds{at}", (holder,) if holder else ())


def _node(claim: Claim, picture: _Picture) -> Node | None:
    """Return the thread that holds a lock; None if it is not known, or not in the picture."""
    process = picture.by_pid.get(claim.pid)
    tids = [thread.tid for thread in process.threads] if process else []
    if claim.tid in tids:
        return claim.pid, tids.index(claim.tid)
    return (claim.pid, 0) if len(tids) == 1 else None


def _name(claim: Claim, picture: _Picture) -> str:
    process, node = picture.by_pid.get(claim.pid), _node(claim, picture)
    name = process.name if process else f"PID {claim.pid}"
    return f"{name}'s {_thread_name(node[1])}" if node and node[1] else name


def _letter(index: int) -> str:
    return (_letter(index // 26 - 1) if index > 25 else "") + chr(ord("A") + index % 26)  # noqa: PLR2004 - A to Z


def _wait_at_pipe(process: Process, words: str, thread: Thread, by_pid: Mapping[int, Process]) -> _Wait:
    """Return the wait of a thread that reads or writes: for the processes that have the other end."""
    use = "read" if thread.call in {"write", "sendto"} else "write"
    ends = {process.files[fd].other_end for fd in thread.fds if fd in process.files} - {""}
    holders = [
        other
        for other in by_pid.values()
        if any(
            file.target in ends and (file.reads if use == "read" else file.writes)
            for file in other.files.values()
        )
    ]
    others = [other for other in holders if other is not process]
    servers = {other.pid for other in others if other.name == FORK_SERVER}
    if servers:  # the fork server only reports the end of its children: the wait is for them
        others = [other for other in by_pid.values() if other.parent in servers]
    if "a process to end" in words and others:
        names = " or ".join(other.name for other in others)
        return _Wait(f"{names} to end", tuple((other.pid, 0) for other in others))
    if not ends:
        return _Wait(words)
    if not others:
        holder = "no other process" if holders else "no process"
        return _Wait(f"{words} ({holder} has the end to {use})")
    return _Wait(words, tuple((other.pid, 0) for other in others), use)


def _find_circle(waits: Mapping[Node, _Wait]) -> list[Node]:
    """Return threads of which each waits for the next, and the last for the first; [] if there are none."""

    def search(path: list[Node]) -> list[Node]:
        for node in waits[path[-1]].targets:
            if node in path:
                return path[path.index(node) :]
            if node in waits and node not in done and (found := search([*path, node])):
                return found
        done.add(path[-1])
        return []

    done: set[Node] = set()
    return next((found for node in waits if node not in done and (found := search([node]))), [])


def _sentence(node: Node, waits: Mapping[Node, _Wait], by_pid: Mapping[int, Process]) -> str:
    """Return the sentence about one thread of a circle."""
    pid, index = node
    wait = waits[node]
    name = by_pid[pid].name + (f"'s {_thread_name(index)}" if index else "")
    other = f" ({by_pid[wait.targets[0][0]].name} could {wait.use}, and does not)" if wait.use else ""
    return f"{name} waits for {wait.words}{other}"


def _why_no_circle(
    processes: list[Process], waits: Mapping[Node, _Wait], by_pid: Mapping[int, Process]
) -> str:
    """Return the sentence about processes that hang though no threads wait in a circle."""
    main = processes[0]
    running = [p.name for p in processes if any(thread.state == "R" for thread in p.threads)]
    if running:
        return f"{' and '.join(running)} could go on, and does not come to an end"
    main_waits = f"{main.name} waits for {waits[main.pid, 0].words}"
    locks = [(by_pid[pid], wait.words) for (pid, _), wait in waits.items() if "lock" in wait.words]
    locks.sort(key=lambda each: _DEAD in each[1])  # the end of the chain last
    if locks:
        process, lock = locks[-1]
        other = f"; {process.name} waits for {lock}" if process is not main else ""
        end = "" if _DEAD in lock else ", and the process that has it is gone or waits, too"
        return f"{main_waits}{other}{end}"
    in_pool = {
        function for process in processes for stack in process.stacks for function in _pool_functions(stack)
    }
    if "_handle_workers" in in_pool and "_handle_results" not in in_pool:
        return f"{main_waits}; the pool's result handler, the thread that reads results, is gone"
    if "_handle_workers" in in_pool:
        return f"{main_waits}, and every worker waits for work: no process has that task"
    return f"{main_waits}, and no process is left that would bring it"


def _pool_functions(stack: Stack) -> set[str]:
    return {frame.function for frame in stack if frame.file == "multiprocessing/pool.py"}


def _quote(stack: Stack, script: str) -> Iterator[str]:
    """Yield the innermost line of the script, and the innermost line of all if that is another one."""
    own = next((frame for frame in stack if frame.path == script), None)
    if own:
        yield f"{own}: {linecache.getline(own.path, own.line).strip()}"
    if stack and stack[0] is not own:
        yield f"{stack[0].file}:{stack[0].line} {stack[0].function}"


def _stack(process: Process, index: int) -> list[Frame]:
    return process.stacks[index] if index < len(process.stacks) else []


def _thread_name(index: int) -> str:
    return f"thread {index + 1}" if index else "main thread"
