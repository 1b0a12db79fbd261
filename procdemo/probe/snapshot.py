"""A program and all its descendants, looked at from outside at one moment, without holding any of them.

A picture of many processes is not made in one moment, so each thread is looked at three times: before the
stacks are read, after that, and after the search for locks. A thread that has had no turn from the first
look to the last one is *still*: all that was read of it belongs together, and was true for that whole time.
"""

import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from procdemo.demo.settings import CannotRunError
from procdemo.probe import (
    common_files,
    connections,
    live_stacks,
    lock_holders,
    process_roles,
    programs,
    remote_tasks,
    system_calls,
    thread_locks,
)
from procdemo.probe.common_files import File
from procdemo.probe.live_stacks import Answer
from procdemo.probe.programs import Program
from procdemo.probe.remote_tasks import Task
from procdemo.probe.stack_dumps import Stack
from procdemo.probe.system_calls import Call
from procdemo.process import procfs

_BUSY = 0.25  # a thread that had a CPU for a quarter of the time computes
_ASKED_AT_ONCE = 4
_LOOKS = 3
SEARCH_S = 0.5
"""Seconds for a search for the holders of locks; on a busy machine less is searched meanwhile."""
_NOT_ASKED_FOR = {
    2: "SIGINT",
    4: "SIGILL",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    11: "SIGSEGV",
    17: "SIGCHLD",  # only if a child ends: see `Process.handles_child`
    28: "SIGWINCH",  # handled by the module readline, which pytest and others import
}  # signal(7)
_ALARM, _CHILD = 1 << 14 - 1, 1 << 17 - 1  # SIGALRM, SIGCHLD
_HANDLED = 0x7FFFFFFF & ~sum(1 << signum - 1 for signum in _NOT_ASKED_FOR)  # the C library uses 32 and above


class Thread(NamedTuple):
    """A thread, as it was at the second look."""

    tid: int
    name: str
    """Its name in Python; empty if that is not known."""
    state: str
    """One letter, as in `procfs.Stat.state`."""
    channel: str
    """The kernel function in which it waits; empty if it does not, or if that is hidden from us."""
    call: Call | None
    """The system call in which it is; None if that is hidden from us."""
    still: bool
    """Whether it had no turn from the first look to the last."""
    computes: bool
    stack: Stack
    objects: list[int]
    """For each frame of the stack the address of the object whose method it is, or 0."""


class Process(NamedTuple):
    """A process at the moment of the picture."""

    pid: int
    parent: int
    program: Program
    role: str
    """How it is called in the picture, e.g. ``child 4712``."""
    threads: dict[int, Thread]
    files: dict[int, File]
    problem: str
    """Why there are no stacks; empty if there are, or if none are to be expected."""
    handles_signals: bool
    """Whether it has a handler for a signal other than Ctrl-C, or for one that no other process sends."""
    handles_alarm: bool = False
    """Whether it has a handler for SIGALRM, which it may have asked for."""
    handles_child: bool = False
    """Whether it has a handler for SIGCHLD, which comes when a child ends: each shell has one."""
    tasks: Mapping[int, Sequence[Task]] | None = None
    """The asyncio tasks of each thread that wait, but for no other task; None if they are not known."""

    @property
    def given_name(self) -> str:
        """The name that ``Process(name=...)`` gave it; empty if that is not known."""
        name = self.role.removesuffix(f" {self.pid}")
        return "" if name in {"main", "child", "process", self.program.name} else name


class Snapshot(NamedTuple):
    """The picture, before anything is concluded from it."""

    root: int
    processes: dict[int, Process]
    """Parents first."""
    locks: lock_holders.Look
    holders: Mapping[str, list[tuple[int, File]]]
    """What is open -> which process has it open, and how; processes of the whole machine."""
    sockets: Mapping[str, connections.Socket]
    mapped: Mapping[str, list[int]]
    """The number of a semaphore of multiprocessing -> all processes that have it."""
    semaphores: Mapping[tuple[int, int], str]
    """Process and address -> the number of the semaphore there."""
    owners: Mapping[tuple[int, int], int]
    """Process and address of a wait -> the thread that holds the RLock there, or `thread_locks.PLAIN`."""
    has_stacks: bool
    """Whether py-spy is installed."""
    seconds: float
    """From the first look to the last."""


class _Look(NamedTuple):
    state: str
    turns: bytes
    text: bytes


def take(
    root: int,
    search_s: float = SEARCH_S,
    orphans: Iterable[int] = (),
    asked: Collection[int] | None = None,
    earlier: lock_holders.Look | None = None,
) -> Snapshot:
    """Look at the process `root` and all its descendants, except this process and its own.

    Args:
        root: its PID.
        search_s: seconds for the search for holders of locks of processes, and the same for those of threads.
        orphans: processes that were below `root`, too; they and their descendants are looked at as well.
        asked: if given, only the stacks of these are read: each costs 10 to 40 ms of a CPU; more if it runs.
        earlier: an earlier look at locks, which may know who held the lock of the dead.
    """
    family = _family([root, *orphans])
    run = {pid: programs.program(pid) for pid in family}
    if run[root].kind == programs.HELPER:  # it was asked for
        run[root] = run[root]._replace(kind=programs.PYTHON)
    begin = time.monotonic()
    first = {pid: _look(pid) for pid in family}
    asked = run if asked is None else asked
    answers, has_stacks = _ask([pid for pid in run if run[pid].kind == programs.PYTHON and pid in asked])
    loops = [
        pid for pid, each in answers.items() if any(map(remote_tasks.is_idle_loop, each.stacks.values()))
    ]
    tasks = {pid: remote_tasks.read(pid) for pid in loops}
    second = {pid: _look(pid) for pid in family}
    calls = {pid: _calls(pid, second[pid]) for pid in family}
    at_files = any(call and call.fds for each in calls.values() for call in each.values())
    holders = common_files.holders(set(family)) if at_files else {}  # it asks all processes of the machine
    addresses = dict.fromkeys(  # parents first: so their locks are the first in the alphabet
        (pid, call.address)
        for pid in family
        for call in calls[pid].values()
        if call and call.address and not call.private
    )
    semaphores = {at: number for at in addresses if (number := common_files.semaphore_at(*at))}
    mapped = common_files.having_semaphores(set(semaphores.values()))
    searched = {*family, *(pid for pids in mapped.values() for pid in pids)}
    numbers = set(semaphores.values())
    locks = (
        lock_holders.look(searched, numbers, earlier, search_s)
        if numbers
        else lock_holders.Look({}, 0, 0, ())
    )
    owners = _owners(calls, search_s)
    sockets = connections.sockets(root) if at_files else {}
    files = {pid: dict(common_files.open_files(pid)) for pid in family}
    last = {pid: _look(pid) for pid in family}
    seconds = time.monotonic() - begin
    roles = process_roles.roles(root, family, run, answers)
    processes = {}
    for pid, parent in family.items():
        threads = {
            tid: _thread(
                tid,
                [look[pid][tid] for look in (first, second, last) if tid in look[pid]],
                calls[pid][tid],
                answers.get(pid),
                seconds=seconds,
                channel=procfs.read(f"/proc/{pid}/task/{tid}/wchan"),
            )
            for tid in second[pid]
        }
        problem = answers[pid].problem if pid in answers else ""
        if threads:
            handles = _handles_signals(pid)
            processes[pid] = Process(
                pid, parent, run[pid], roles[pid], threads, files[pid], problem, *handles, tasks.get(pid)
            )
    return Snapshot(root, processes, locks, holders, sockets, mapped, semaphores, owners, has_stacks, seconds)


def _family(roots: list[int]) -> dict[int, int]:
    """Return PID -> parent of `roots` and descendants that live or are zombies, without ourselves."""
    below: dict[int, list[int]] = {}
    for pid, stat in procfs.processes():
        below.setdefault(stat.parent, []).append(pid)
    family: dict[int, int] = {}
    todo = [(root, procfs.parent(root)) for root in roots]
    while todo:
        pid, parent = todo.pop(0)
        if pid != os.getpid():
            family[pid] = parent
            todo.extend((child, pid) for child in sorted(below.get(pid, [])))
    return family


def _look(pid: int) -> dict[int, _Look]:
    looks = {}
    for tid in procfs.tasks(pid):
        folder = f"/proc/{pid}/task/{tid}"
        if stat := procfs.stat(pid, tid):
            looks[tid] = _Look(
                stat.state, procfs.read(f"{folder}/schedstat"), procfs.read(f"{folder}/syscall")
            )
    return looks


def _calls(pid: int, looks: Mapping[int, _Look]) -> dict[int, Call | None]:
    """Return the system call of each thread; an empty one if it has changed since the look."""
    reader = system_calls.Reader(pid)
    calls: dict[int, Call | None] = {}
    for tid, look in looks.items():
        found = reader.call(tid)
        calls[tid] = (found[0] if found[1] == look.text else Call("")) if found else None
    return calls


def _ask(pids: list[int]) -> tuple[dict[int, Answer], bool]:
    """Return the stacks of each process, and whether py-spy is there to tell them."""
    try:
        live_stacks.find_py_spy()
    except CannotRunError:
        return {}, False
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as executor:
        answers = executor.map(lambda pid: live_stacks.ask(pid, may_hold=False, objects=True), pids)
        return dict(zip(pids, answers, strict=True)), True


def _thread(
    tid: int, looks: list[_Look], call: Call | None, answer: Answer | None, *, seconds: float, channel: bytes
) -> Thread:
    still = len(looks) == _LOOKS and len(set(looks)) == 1 and looks[0].state in "ST"
    cpu_s = (_cpu_ns(looks[-1]) - _cpu_ns(looks[0])) / 1e9
    return Thread(
        tid,
        answer.names.get(tid, "") if answer else "",
        looks[len(looks) // 2].state,
        channel.decode().partition(".")[0].strip("0"),
        call,
        still,
        sum(look.state == "R" for look in looks) > 1 or cpu_s > _BUSY * seconds,
        answer.stacks.get(tid, []) if answer else [],
        answer.objects.get(tid, []) if answer else [],
    )


def _cpu_ns(look: _Look) -> int:
    return int((look.turns.split() or [b"0"])[0])


def _owners(calls: Mapping[int, Mapping[int, Call | None]], search_s: float) -> dict[tuple[int, int], int]:
    """Return who holds the RLock at which a thread waits without a limit, as far as that is known."""
    found = {}
    give_up = time.monotonic() + search_s
    for pid, each in calls.items():
        addresses = {call.address for call in each.values() if call and call.private and not call.limited} - {
            0
        }
        if addresses and (left := give_up - time.monotonic()) > 0:
            owners = thread_locks.owners(pid, addresses, left)
            found.update({(pid, address): tid for address, tid in owners.items()})
    return found


def _handles_signals(pid: int) -> tuple[bool, bool, bool]:
    """Return whether there is a handler for a signal of other processes, for SIGALRM, and for SIGCHLD.

    See SigCgt in proc(5), and setitimer(2): when an alarm will come cannot be seen from outside.
    """
    for line in procfs.read(f"/proc/{pid}/status").splitlines():
        if line.startswith(b"SigCgt:"):
            caught = int(line.split()[1], 16)
            return bool(caught & _HANDLED), bool(caught & _ALARM), bool(caught & _CHILD)
    return False, False, False
