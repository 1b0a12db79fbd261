"""What each thread of a program waits for, which threads could end its wait, and whether anything else could.

The kernel says in which system call a thread is; the stack gives the reason; descriptors and semaphores say
which threads could end the wait. Where that is not known, it is said: a wait of which it is not known what
ends it is never part of a circle.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from procdemo.demo.states import State
from procdemo.probe import own_line, wait_reason
from procdemo.probe.own_line import Blocks
from procdemo.probe.programs import HELPER
from procdemo.probe.snapshot import Process, Snapshot, Thread
from procdemo.process import procfs
from procdemo.process.mp_helpers import FORK_SERVER, RESOURCE_TRACKER

Node = tuple[int, int]
"""A thread: the PID of its process, and its own number."""

COMPUTING, SLEEPING, WAITING = State.COMPUTING, State.SLEEPING, State.WAITING
BLOCKED, STOPPED, ZOMBIE = State.BLOCKED, State.STOPPED, State.ZOMBIE
UNKNOWN = "not known"
"""States of a thread; *blocked*: at a lock, at room in a pipe, or at the end of a thread or process."""

IDLE = {
    "something to be put, as a queue's feeder thread",
    "a task to hand out, as the pool's task handler",
    "a result, as the pool's result handler",
    "the death of a worker, as the pool's worker handler",
    "a task, as a worker of the pool",
    "a task, as a worker of the executor",
    "a result, as the executor's manager thread",
    "a task, as a thread of an executor",
    "a client, as the manager",
    "a request, as the manager",
    "its end, as the manager",
}
"""Waits of threads that are at rest until there is work; such a thread is not part of a circle."""

HOUSEKEEPING = {"a client, as the manager", "its end, as the manager"}
"""Of these, the waits of threads that never end the wait of another thread."""

_SELECTS = {"epoll_wait", "poll", "ppoll", "select", "pselect"}
_BY_CHANNEL = {
    "futex_do_wait": "a lock",
    "futex_wait_queue": "a lock",
    "anon_pipe_read": "data from a pipe",
    "pipe_read": "data from a pipe",
    "anon_pipe_write": "room in a pipe",
    "pipe_write": "room in a pipe",
    "do_wait": "a child to end",
    "hrtimer_nanosleep": "time to pass",
    "inet_csk_accept": "a client",
    "wait_for_partner": "another process to open the FIFO",
}


class Wait(NamedTuple):
    """What a thread does, or waits for."""

    state: str
    """One of the words above."""
    words: str
    """What it waits for, as it goes on after *waits for*; empty if it does not wait."""
    on: tuple[Node, ...] = ()
    """The threads for which it waits, as the picture says it."""
    enders: tuple[Node, ...] = ()
    """All threads that could end the wait: one of them is enough; if `every`, all must end."""
    known: bool = False
    """Whether `enders` are all that could end it."""
    every: bool = False
    outside: str = ""
    """What could end it from outside of the program, e.g. ``a client at 127.0.0.1:8080``."""
    limited: bool = False
    left_s: float | None = None
    """Seconds until its time limit, if that is known."""
    lock: str = ""
    """The letter of the lock or semaphore of multiprocessing at which it waits."""
    mutex: bool = False
    """Whether it is a lock of threads that is taken and given back in one ``with`` block, so no signal."""
    dead: bool = False
    """Whether no process that lives holds that lock, and it is taken all the same."""
    still: bool = False
    """Whether all of this was true for as long as the picture took."""

    @property
    def idle(self) -> bool:
        """Whether the thread is at rest until there is work."""
        return any(self.words.startswith(words) for words in IDLE)

    @property
    def endless(self) -> bool:
        """Whether only the threads that are known can end it."""
        return self.still and self.known and not self.limited and not self.outside


class Context:
    """What a wait is described with."""

    def __init__(self, snapshot: Snapshot, letters: dict[str, str], stood: Mapping[Node, float]) -> None:
        self.snapshot = snapshot
        self.letters = letters
        """The number of a semaphore -> the letter by which it is called."""
        self.stood = stood
        """For how many seconds each thread has stood still already, if that is known."""
        self._able: dict[int, tuple[Node, ...]] = {}
        self._blocks: dict[int, dict[int, Blocks]] = {}

    def name(self, node: Node) -> str:
        """Return what a thread is called: its process, and its own name unless it is the main thread."""
        process = self.snapshot.processes[node[0]]
        return (
            process.role if node[1] == process.pid else f"{thread_name(process, node[1])} of {process.role}"
        )

    def threads_of(self, pids: Iterable[int], *, without: Node) -> tuple[Node, ...]:
        """Return all threads of these processes that could end a wait; main threads first."""
        return tuple(node for pid in pids for node in self._able_of(pid) if node != without)

    def _able_of(self, pid: int) -> tuple[Node, ...]:
        """Return the threads of a process that could end a wait, found only once: there may be thousands."""
        if pid not in self._able:
            process = self.snapshot.processes.get(pid)
            self._able[pid] = tuple(
                (pid, thread.tid)
                for thread in (process.threads.values() if process and process.program.kind != HELPER else ())
                if thread.state not in "ZX" and wait_reason.by_frames(thread.stack) not in HOUSEKEEPING
            )
        return self._able[pid]

    def blocks(self, process: Process) -> dict[int, Blocks]:
        """Return the ``with`` blocks of each thread of a process, found only once."""
        if process.pid not in self._blocks:
            self._blocks[process.pid] = {
                tid: own_line.blocks(process.pid, thread.stack) for tid, thread in process.threads.items()
            }
        return self._blocks[process.pid]

    def in_tree(self, pids: Iterable[int]) -> list[int]:
        """Return those of these processes that are in the picture and no helpers."""
        return [
            pid
            for pid in dict.fromkeys(pids)
            if (process := self.snapshot.processes.get(pid)) and process.program.kind != HELPER
        ]

    @cached_property
    def unsettled(self) -> tuple[Node, ...]:
        """Return the threads that may get hold of more than is seen, and so could end more waits.

        A process that is being started has no semaphore yet that it will open by its name; a descriptor may
        be on its way in a Unix socket, as from a process to its fork server. So while a thread moves, it is
        not known what it will have in a moment.
        """
        return tuple(
            (process.pid, thread.tid)
            for process in self.snapshot.processes.values()
            if process.program.name != RESOURCE_TRACKER
            for thread in process.threads.values()
            if thread.state not in "ZX" and not _is_settled(process, thread)
        )

    @cached_property
    def unsettled_servers(self) -> tuple[Node, ...]:
        """Return those of them that are fork servers."""
        processes = self.snapshot.processes
        return tuple(node for node in self.unsettled if processes[node[0]].program.name == FORK_SERVER)

    def children_of_fork_server(self, pids: Iterable[int]) -> list[int]:
        """Return the processes that a fork server among `pids` has started."""
        servers = {
            pid
            for pid in pids
            if (process := self.snapshot.processes.get(pid)) and process.program.name == FORK_SERVER
        }
        return [process.pid for process in self.snapshot.processes.values() if process.parent in servers]


def _is_settled(process: Process, thread: Thread) -> bool:
    """Return whether a thread waits, and has all that it will have.

    A child of multiprocessing that still imports the main module is not (multiprocessing/spawn.py); a fork
    server is if it waits for the next process to start (multiprocessing/forkserver.py).
    """
    if not thread.still or thread.state in "Tt":
        return False
    if process.program.name == FORK_SERVER:
        call = thread.call
        return bool(call and call.fds and call.name in _SELECTS and not call.limited)
    return not any(frame.function == "prepare" and frame.file.endswith("/spawn.py") for frame in thread.stack)


def thread_name(process: Process, tid: int) -> str:
    """Return the name of a thread that is not the main thread."""
    name = process.threads[tid].name if tid in process.threads else ""
    if tid == process.pid:
        return "main thread"
    return f"thread {name}" if name else f"thread {tid}"


def letter(index: int) -> str:
    """Return A to Z, then AA, AB, ..."""
    return (letter(index // 26 - 1) if index > 25 else "") + chr(ord("A") + index % 26)  # noqa: PLR2004


def without_call(process: Process, thread: Thread) -> Wait | None:  # noqa: PLR0911 - a table
    """Return what a thread does if its system call does not matter, or is not known; None otherwise."""
    if thread.state in "ZX":
        return Wait(ZOMBIE, "its parent to ask for its exit status", still=True)
    if thread.state in "Tt":
        return Wait(STOPPED, f"a signal to go on: kill -CONT {process.pid}", still=thread.still)
    if thread.computes:
        return Wait(COMPUTING, "")
    if thread.state == "D":
        return Wait(BLOCKED, "the disk, or another part of the kernel")
    if thread.call is None:
        words = _BY_CHANNEL.get(thread.channel, "something that is hidden from us")
        return Wait(SLEEPING if "time" in words else UNKNOWN, words)
    if thread.state == "R":
        return Wait(COMPUTING, "")
    return None


def reason(thread: Thread) -> str:
    """Return what the stack says; empty if the thread has moved since: then it may be of another moment."""
    return wait_reason.by_frames(thread.stack) if thread.still else ""


def blocks_loop(thread: Thread) -> bool:
    """Return whether something else keeps a thread from its event loop (asyncio), so that all else waits."""
    looping = [frame for frame in thread.stack if frame.file == "asyncio/base_events.py"]
    in_loop = any(frame.function == "_run_once" for frame in looping)
    return in_loop and not any(frame.file.endswith("/selectors.py") for frame in thread.stack[:2])


def at_time(thread: Thread) -> Wait:
    """Return the wait of a thread for time, or for a signal."""
    call = thread.call
    assert call  # noqa: S101 - the caller has it
    if call.limited:
        return Wait(SLEEPING, "time to pass", limited=True, left_s=call.left_s, still=thread.still)
    return Wait(WAITING, "a signal", outside="a signal", still=thread.still)


def at_child(context: Context, process: Process, thread: Thread) -> Wait:
    """Return the wait of a thread for the end of a child."""
    call = thread.call
    assert call  # noqa: S101
    processes = context.snapshot.processes
    children = [each.pid for each in processes.values() if each.parent == process.pid]
    if call.child > 0:
        number = call.child
        if len(procfs.all_numbers(process.pid)) > 1:  # its numbers are not ours: pid_namespaces(7)
            ours = [pid for pid in children if number in procfs.all_numbers(pid)]
            number = ours[0] if len(ours) == 1 else 0
        return for_end(context, number, thread)
    children = [pid for pid in children if any(t.state not in "ZX" for t in processes[pid].threads.values())]
    names = " or ".join(processes[pid].role for pid in children)
    nodes = tuple((pid, pid) for pid in context.in_tree(children))
    known = bool(children) and len(nodes) == len(children)
    words = f"one of its children to end ({names})" if len(children) > 1 else f"{names or 'a child'} to end"
    return Wait(BLOCKED, words, nodes, nodes, known=known, still=thread.still)


def for_end(context: Context, pid: int, thread: Thread) -> Wait:
    """Return the wait of a thread for the end of this process."""
    child = context.snapshot.processes.get(pid)
    if not child or pid not in child.threads:
        return Wait(BLOCKED, f"PID {pid} to end" if pid else "a child to end", still=thread.still)
    return Wait(
        BLOCKED,
        f"{child.role} to end",
        ((pid, pid),),
        ((pid, pid),),
        known=True,
        every=True,
        still=thread.still,
    )
