"""What Linux knows of a family of processes, read from ``/proc`` (proc(5)), without their help.

All of it may change while it is read: a process that has gone is left out, never an error.
"""

import os
import platform
import struct
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

LINUX = sys.platform == "linux"

_CALLS: dict[str, dict[str, tuple[int, ...]]] = {
    "accept": {"x86_64": (43, 288), "aarch64": (202, 242)},
    "clock_nanosleep": {"x86_64": (35, 230), "aarch64": (101, 115)},
    "epoll_wait": {"x86_64": (232, 281), "aarch64": (22,)},
    "futex": {"x86_64": (202,), "aarch64": (98,)},
    "poll": {"x86_64": (7, 271), "aarch64": (73,)},
    "read": {"x86_64": (0,), "aarch64": (63,)},
    "recvfrom": {"x86_64": (45, 47), "aarch64": (207, 212)},
    "select": {"x86_64": (23, 270), "aarch64": (72,)},
    "sendto": {"x86_64": (44, 46), "aarch64": (206, 211)},
    "wait4": {"x86_64": (61,), "aarch64": (260,)},
    "waitid": {"x86_64": (247,), "aarch64": (95,)},
    "write": {"x86_64": (1,), "aarch64": (64,)},
}
"""Numbers of the system calls in which one waits, by machine; elsewhere the wait channel must do."""

_CALL_NAMES = {
    number: name for name, numbers in _CALLS.items() for number in numbers.get(platform.machine(), ())
}
_MOST_POLLED = 64


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


def born_ns() -> int:
    """Return when this process was started (`time.monotonic_ns`), 10 ms too early at most.

    Linux counts that in ticks since it was booted itself (proc(5), field starttime of
    /proc/self/stat); elsewhere it is now.
    """
    now_ns = time.monotonic_ns()
    try:
        ticks = int(Path("/proc/self/stat").read_text("utf-8", "replace").rpartition(") ")[2].split()[19])
        age_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - ticks * 10**9 // os.sysconf("SC_CLK_TCK")
    except (AttributeError, OSError, ValueError, IndexError):
        return now_ns
    return now_ns - max(age_ns, 0)


def descendants(root: int) -> dict[int, str]:
    """Return PID -> state of all processes below `root`, parents first."""
    children = defaultdict(list)
    for name in os.listdir("/proc"):  # noqa: PTH208 - this runs ten times a second
        if name.isdigit() and (fields := _stat(f"/proc/{name}/stat")):
            children[int(fields[1])].append((int(name), fields[0]))
    found: dict[int, str] = {}
    todo = [root]
    while todo:
        for pid, state in children[todo.pop(0)]:
            found[pid] = state
            todo.append(pid)
    return found


def parent(pid: int) -> int:
    """Return the PID of the parent, 0 if `pid` is gone."""
    fields = _stat(f"/proc/{pid}/stat")
    return int(fields[1]) if fields else 0


def activity(pids: list[int]) -> tuple[bool, list[str]]:
    """Return whether a thread of these processes runs or wants to, and how often each had its turn."""
    runs, turns = False, []
    for pid in pids:
        for tid in _tasks(pid):
            with suppress(OSError):
                turns.append(f"{tid} {Path(f'/proc/{pid}/task/{tid}/schedstat').read_text()}")
            fields = _stat(f"/proc/{pid}/task/{tid}/stat")
            runs |= bool(fields) and fields[0] in "RD"
    return runs, turns


def threads(pid: int) -> list[Thread]:
    """Return the threads of a process, the oldest first."""
    return [thread for tid in _tasks(pid) if (thread := _thread(pid, tid))]


def command(pid: int) -> str:
    """Return the command line of a process; empty for a zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    return ""


def descriptors(pid: int) -> dict[int, Descriptor]:
    """Return the open files of a process by number."""
    found = {}
    folder = f"/proc/{pid}/fd"
    peers = _peers(pid)
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - names, not paths
            with suppress(OSError):
                mode = os.lstat(f"{folder}/{name}").st_mode  # the link's mode is how it was opened
                target = os.readlink(f"{folder}/{name}")  # noqa: PTH115 - not the name of a file
                other_end = target if target.startswith("pipe:") else peers.get(target, "")
                found[int(name)] = Descriptor(target, bool(mode & 0o400), bool(mode & 0o200), other_end)
    return found


def _peers(pid: int) -> dict[str, str]:
    """Return which socket is the other end of which, as far as both are TCP on this machine."""
    ends = {}
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            ends[fields[1], fields[2]] = f"socket:[{fields[9]}]"
    return {inode: ends[there, here] for (here, there), inode in ends.items() if (there, here) in ends}


def _tasks(pid: int) -> list[int]:
    try:
        return sorted(map(int, os.listdir(f"/proc/{pid}/task")))  # noqa: PTH208 - names, not paths
    except OSError:
        return []


def _thread(pid: int, tid: int) -> Thread | None:
    folder = f"/proc/{pid}/task/{tid}"
    if not (fields := _stat(f"{folder}/stat")):
        return None
    channel = "".join(_words(f"{folder}/wchan")).partition(".")[0].strip("0")
    number, *words = [*_words(f"{folder}/syscall"), "running"]
    call = _CALL_NAMES.get(int(number), "") if number.isdigit() else ""
    thread = Thread(tid, fields[0], channel, call)
    args = [int(word, 16) for word in words[:6] if call]
    match call:
        case "read" | "write" | "recvfrom" | "sendto":
            return thread._replace(fds=(args[0],))
        case "poll":
            return thread._replace(fds=_polled(pid, *args[:2]))
        case "wait4" | "waitid":
            return thread._replace(child=args[call == "waitid"])
        case "futex":
            return thread._replace(semaphore=_semaphore(pid, args[0]))
    return thread


def _polled(pid: int, address: int, count: int) -> tuple[int, ...]:
    """Return the descriptors in an array of ``struct pollfd``; none if that memory is closed to us."""
    with suppress(OSError), Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        return tuple(fd for fd, _, _ in struct.iter_unpack("ihh", memory.read(8 * min(count, _MOST_POLLED))))
    return ()


def _semaphore(pid: int, address: int) -> str:
    """Return the number of multiprocessing's semaphore at this address; empty if it is another's memory."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/maps").read_text("utf-8", "replace").splitlines():
            span, _, _, _, inode, *path = line.split(maxsplit=5)
            begin, end = (int(side, 16) for side in span.split("-"))
            if begin <= address < end:
                return inode if path and "/sem." in path[0] else ""
    return ""


def _words(path: str) -> Iterator[str]:
    with suppress(OSError):  # hidden from us, or gone
        yield from Path(path).read_text().split()


def _stat(path: str) -> list[str]:
    """Return the fields of stat after the command's name: state, parent, ..."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - half the time
            return file.read().rpartition(") ")[2].split()
    except OSError:
        return []
