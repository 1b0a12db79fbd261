"""What Linux knows of processes, read from ``/proc`` (proc(5)) without their help.

All of it may change while it is read: if a process has gone, it is left out, and no error is raised.
Every process that is started anew imports this module, so it does without pathlib (3 ms) and platform (1 ms).
"""

import os
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from procdemo.process import memory_maps

LINUX = sys.platform == "linux"

_CALLS: dict[str, dict[str, tuple[int, ...]]] = {
    "accept": {"x86_64": (43, 288), "aarch64": (202, 242)},
    "clock_nanosleep": {"x86_64": (35, 230), "aarch64": (101, 115)},
    "clone": {"x86_64": (56, 57, 58, 435), "aarch64": (220, 435)},
    "connect": {"x86_64": (42,), "aarch64": (203,)},
    "epoll_wait": {"x86_64": (232, 281, 441), "aarch64": (22, 441)},
    "fcntl": {"x86_64": (72,), "aarch64": (25,)},
    "flock": {"x86_64": (73,), "aarch64": (32,)},
    "futex": {"x86_64": (202,), "aarch64": (98,)},
    "open": {"x86_64": (2, 257), "aarch64": (56,)},
    "pause": {"x86_64": (34, 130), "aarch64": (133,)},
    "poll": {"x86_64": (7, 271), "aarch64": (73,)},
    "read": {"x86_64": (0, 19), "aarch64": (63, 65)},
    "recvfrom": {"x86_64": (45, 47, 299), "aarch64": (207, 212, 243)},
    "select": {"x86_64": (23, 270), "aarch64": (72,)},
    "sendfile": {"x86_64": (40,), "aarch64": (71,)},
    "sendto": {"x86_64": (44, 46, 307), "aarch64": (206, 211, 269)},
    "sigtimedwait": {"x86_64": (128,), "aarch64": (137,)},
    "wait4": {"x86_64": (61,), "aarch64": (260,)},
    "waitid": {"x86_64": (247,), "aarch64": (95,)},
    "write": {"x86_64": (1, 20), "aarch64": (64, 66)},
}
"""Numbers of the system calls in which a thread waits, by machine; others have only the wait channel."""

_MACHINE = os.uname().machine if hasattr(os, "uname") else ""
CALL_NAMES = {number: name for name, numbers in _CALLS.items() for number in numbers.get(_MACHINE, ())}
"""Number of a system call of this machine -> its name."""

_MOST_POLLED = 64


class Stat(NamedTuple):
    """Fields of ``/proc/PID/stat``."""

    state: str
    """One letter: S sleeps, R runs or could, D waits in the kernel, T is stopped, Z is a zombie."""
    parent: int
    group: int
    cpu_ticks: int
    """CPU time that it used itself, in ticks (``SC_CLK_TCK`` a second)."""
    reaped_cpu_ticks: int
    """CPU time of its children that have ended and were waited for."""
    start_ticks: int
    """When it was started: ticks since the machine was booted."""

    @property
    def alive(self) -> bool:
        """Whether it still runs, or could; a zombie cannot."""
        return self.state not in "ZX"


class Thread(NamedTuple):
    """A thread as the kernel sees it."""

    tid: int
    state: str
    """One letter: S sleeps, R runs or could, T is stopped, Z is a zombie."""
    channel: str
    """The kernel function in which it waits; empty if it does not, or if that is kept secret."""
    call: str
    """The system call that it is in; empty if unknown."""
    fds: tuple[int, ...] = ()
    """The descriptors that it reads, writes or polls."""
    child: int = 0
    """The process for whose end it waits in a system call."""
    semaphore: str = ""
    """The semaphore of multiprocessing at which it waits."""


class Descriptor(NamedTuple):
    """An open file of a process."""

    target: str
    """What it is, e.g. ``pipe:[4711]``: the same for both ends and in all processes."""
    reads: bool
    writes: bool
    other_end: str
    """The same of what is at its other end, if it is a pipe or a TCP connection; empty if not known."""


def read(path: str) -> bytes:
    """Return what a file in ``/proc`` says; nothing if it is gone, or hidden from us."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except OSError:
        return b""


def readable() -> bool:
    """Return whether /proc shows this process: not if it is missing, or belongs to other PIDs."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())  # not so in ``unshare --pid`` with the old /proc
    except OSError:
        return False


def require(purpose: str) -> None:
    """Raise an error if this is Linux, and /proc cannot be used.

    Args:
        purpose: what it is needed for: the end of a sentence.

    Raises:
        CannotRunError: exit status 3.
    """
    if LINUX and not readable():
        from procdemo.demo.settings import CannotRunError  # noqa: PLC0415 - it imports multiprocessing

        message = f"/proc is missing, or shows other processes than ours; it is needed to see {purpose}"
        raise CannotRunError(message, "mount -t proc proc /proc", exit_code=3)


def stat(pid: int | str, tid: int = 0) -> Stat | None:
    """Return the fields of a process (``self``: this one), or of one of its threads; None if it is gone."""
    text = read(f"/proc/{pid}/task/{tid}/stat" if tid else f"/proc/{pid}/stat")
    fields = text[text.rfind(b")") + 2 :].split()  # the name of the command may hold anything
    if not fields:
        return None
    number = [int(field) for field in fields[1:20]]
    return Stat(fields[0].decode(), number[0], number[1], sum(number[10:12]), sum(number[12:14]), number[18])


def processes() -> Iterator[tuple[int, Stat]]:
    """Yield the PID and the fields of every process; nothing if /proc is missing, or has other numbers."""
    if not readable():
        return
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdigit() and (found := stat(name)):
                yield int(name), found


def born_ns(start_ticks: int | None = None) -> int:
    """Return when a process was started (`time.monotonic_ns`), 10 ms too early at most.

    It is the one with these `start_ticks` (`Stat`), else this one. Linux counts that in ticks since it was
    booted itself (proc(5), field starttime of /proc/PID/stat); on other systems the time is now.
    """
    if start_ticks is None:
        if not (LINUX and (own := stat("self"))):
            return time.monotonic_ns()
        start_ticks = own.start_ticks
    started_ns = start_ticks * 10**9 // os.sysconf("SC_CLK_TCK")
    # One clock right after the other, this one last: after a pause between them it is late, never too early.
    age_ns = max(time.clock_gettime_ns(time.CLOCK_BOOTTIME) - started_ns, 0)
    return time.monotonic_ns() - age_ns


def children(pid: int) -> list[int]:
    """Return the children of a process, zombies too (proc(5), /proc/PID/task/TID/children)."""
    return [int(child) for tid in tasks(pid) for child in read(f"/proc/{pid}/task/{tid}/children").split()]


def descendants(root: int) -> dict[int, str]:
    """Return PID -> state of all processes below `root`, parents first."""
    children: dict[int, list[tuple[int, str]]] = {}
    for pid, found in processes():
        children.setdefault(found.parent, []).append((pid, found.state))
    below: dict[int, str] = {}
    todo = [root]
    while todo:
        for pid, state in children.get(todo.pop(0), ()):
            below[pid] = state
            todo.append(pid)
    return below


def parent(pid: int) -> int:
    """Return the PID of the parent, 0 if `pid` is gone."""
    found = stat(pid)
    return found.parent if found else 0


def activity(pids: list[int]) -> tuple[bool, list[str]]:
    """Return whether a thread of these processes runs or wants to, and how often each had its turn."""
    runs, turns = False, []
    for pid in pids:
        for tid in tasks(pid):
            turns.append(f"{tid} {_text(f'/proc/{pid}/task/{tid}/schedstat')}")
            found = stat(pid, tid)
            runs |= found is not None and found.state in "RD"
    return runs, turns


def threads(pid: int) -> list[Thread]:
    """Return the threads of a process, the oldest first."""
    return [thread for tid in tasks(pid) if (thread := _thread(pid, tid))]


def command(pid: int) -> str:
    """Return the command line of a process; empty for a zombie."""
    return _text(f"/proc/{pid}/cmdline").replace("\0", " ")


def descriptors(pid: int) -> dict[int, Descriptor]:
    """Return the open files of a process by number."""
    found = {}
    folder = f"/proc/{pid}/fd"
    peers = _peers(pid)
    with suppress(OSError):
        for name in os.listdir(folder):
            with suppress(OSError):
                mode = os.lstat(f"{folder}/{name}").st_mode  # the link's mode is how it was opened
                target = os.readlink(f"{folder}/{name}")
                other_end = target if target.startswith("pipe:") else peers.get(target, "")
                found[int(name)] = Descriptor(target, bool(mode & 0o400), bool(mode & 0o200), other_end)
    return found


def _peers(pid: int) -> dict[str, str]:
    """Return which socket is the other end of which, as far as both are TCP on this machine."""
    ends = {}
    for line in _text(f"/proc/{pid}/net/tcp").splitlines()[1:]:
        fields = line.split()
        ends[fields[1], fields[2]] = f"socket:[{fields[9]}]"
    return {inode: ends[there, here] for (here, there), inode in ends.items() if (there, here) in ends}


def tasks(pid: int) -> list[int]:
    """Return the numbers of the threads of a process, the oldest first."""
    try:
        return sorted(map(int, os.listdir(f"/proc/{pid}/task")))
    except OSError:
        return []


def own_numbers(pid: int) -> dict[int, int]:
    """Return the number that each thread of a process has for itself -> its number for us.

    They differ if the process is in a PID namespace of its own, e.g. in a container: pid_namespaces(7); the
    last number of ``NSpid`` in /proc/PID/task/TID/status.
    """
    return {numbers[-1]: tid for tid in tasks(pid) for numbers in [all_numbers(pid, tid) or [tid]]}


def all_numbers(pid: int, tid: int = 0) -> list[int]:
    """Return the numbers of a process or thread in each PID namespace that has it, ours first; [] if gone."""
    for line in read(f"/proc/{pid}/task/{tid or pid}/status").splitlines():
        if line.startswith(b"NSpid:"):
            return [int(number) for number in line.split()[1:]]
    return []


def _thread(pid: int, tid: int) -> Thread | None:
    folder = f"/proc/{pid}/task/{tid}"
    if not (found := stat(pid, tid)):
        return None
    channel = _text(f"{folder}/wchan").partition(".")[0].strip("0")
    number, *words = [*_text(f"{folder}/syscall").split(), "running"]
    call = CALL_NAMES.get(int(number), "") if number.isdigit() else ""
    thread = Thread(tid, found.state, channel, call)
    args = [int(word, 16) for word in words[:6] if call]
    match call:
        case "read" | "write" | "recvfrom" | "sendto":
            return thread._replace(fds=(args[0],))
        case "poll":
            return thread._replace(fds=_polled(pid, *args[:2]))
        case "wait4" | "waitid":
            return thread._replace(child=args[call == "waitid"])
        case "futex":
            return thread._replace(semaphore=memory_maps.semaphore_at(read(f"/proc/{pid}/maps"), args[0]))
    return thread


def _polled(pid: int, address: int, count: int) -> tuple[int, ...]:
    """Return the descriptors in an array of ``struct pollfd``; none if that memory is closed to us."""
    with suppress(OSError), open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return tuple(fd for fd, _, _ in struct.iter_unpack("ihh", memory.read(8 * min(count, _MOST_POLLED))))
    return ()


def _text(path: str) -> str:
    return read(path).decode("utf-8", "replace")
