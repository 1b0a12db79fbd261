"""One thread that is looked at again and again: its files in ``/proc``, and what the last look has shown."""

import os
from contextlib import suppress
from time import monotonic_ns
from typing import NamedTuple

from procdemo.demo.states import State
from procdemo.probe.thread_account import Report, ThreadAccount
from procdemo.probe.waits import ENDED, Wait, read_once, wait_of
from procdemo.process import procfs

_GAP_NS = 20_000_000  # from the birth to the first look; less is none
_TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 10_000_000

COUNTS_TURNS = not (read_once("/proc/self/schedstat") or b"0 0").startswith(b"0 0")
"""Whether the kernel counts time on a CPU and turns for each thread (``schedstat``)."""


class Stat(NamedTuple):
    """What ``/proc/PID/task/TID/stat`` says (proc(5))."""

    letter: str
    parent: int
    cpu_ns: int
    """In steps of 10 ms; 0 if the kernel counts exactly (`COUNTS_TURNS`)."""
    threads: int
    """How many threads its process has."""
    start_ticks: int
    """With the number, the identity of a thread: numbers are used again."""
    program: bytes
    """Changes at exec(2): the name of the program, and where its arguments are."""
    comm: bytes
    """The name that the kernel has for it: of 15 bytes at most; a new thread has that of its maker."""


class Descriptors:
    """How many more files may be kept open."""

    def __init__(self) -> None:
        """Take half of what a process may open, because the rest of it needs some, too."""
        most = os.sysconf("SC_OPEN_MAX")
        self.left = min(most, 8192) // 2 if most > 0 else 256
        self._reserve = self.left // 2

    def open(self, path: str, *, often: bool = False) -> int:
        """Return a descriptor to keep; -1 if there are too many, or no such file.

        One half of all are for files that are read `often`, at each look.
        """
        if self.left > (0 if often else self._reserve):
            with suppress(OSError):
                fd = os.open(path, os.O_RDONLY)
                self.left -= 1
                return fd
        return -1

    def close(self, fd: int) -> None:
        """Close a descriptor, unless it is -1."""
        if fd >= 0:
            os.close(fd)
            self.left += 1


class Births:
    """How many times it was seen that processes or threads were made, anywhere on the machine.

    The last field of ``/proc/loadavg`` is the number of the youngest one (proc(5)).
    """

    def __init__(self) -> None:
        self.count = 0
        self._newest = b""
        self._fd = -1
        with suppress(OSError):
            self._fd = os.open("/proc/loadavg", os.O_RDONLY)

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def look(self) -> None:
        """Count."""
        newest = os.pread(self._fd, 100, 0).rpartition(b" ")[2] if self._fd >= 0 else b""
        if newest != self._newest or not newest:
            self._newest = newest
            self.count += 1


def _born_ns(start_ticks: int) -> int:
    """Return when a thread was started: never too early, and late by 10 ms at most."""
    return procfs.born_ns(start_ticks) + 10_000_000


def children_of(folder: str, *, born_before_ns: int | None = None) -> list[int]:
    """Return the processes that a thread has started, and those that it has inherited.

    Args:
        folder: the thread's folder below ``/proc/PID/task``.
        born_before_ns: if given, only those that were started before that time (`time.monotonic_ns`).
    """
    found, offset = b"", 0
    with suppress(OSError):
        fd = os.open(f"{folder}/children", os.O_RDONLY)
        try:
            while piece := os.pread(fd, 65536, offset):  # one read gives 4 KB at most
                found += piece
                offset += len(piece)
        finally:
            os.close(fd)
    children = [int(child) for child in found.split()]
    if born_before_ns is None:
        return children
    stats = {child: procfs.stat(child) for child in children}
    return [child for child, stat in stats.items() if stat and _born_ns(stat.start_ticks) < born_before_ns]


class SampledThread:
    """A thread, and its account."""

    __slots__ = (
        *("tid", "folder", "name", "account", "wait", "stat", "unchanged", "skip", "looks", "listed"),
        *(
            "kin",
            "lock",
            "call",
            "ran_ns",
            "unlisted",
            "_descriptors",
            "_schedstat",
            "_stat",
            "_syscall",
            "_raw",
            "_cpu",
            "_ready",
        ),
    )

    def __init__(self, pid: int, tid: int, number: int, descriptors: Descriptors) -> None:
        """Look at it for the first time.

        Args:
            pid: its process.
            tid: it.
            number: which thread of its process it is, counted from 0.
            descriptors: how many files may be kept open.

        Raises:
            ProcessLookupError: it is gone.
        """
        self.tid, self.folder = tid, f"/proc/{pid}/task/{tid}"
        self.name = "MainThread" if pid == tid else f"thread {number + 1}"
        self._descriptors = descriptors
        self._schedstat = descriptors.open(f"{self.folder}/schedstat", often=True) if COUNTS_TURNS else -1
        self._stat = descriptors.open(f"{self.folder}/stat")
        self._syscall = descriptors.open(f"{self.folder}/syscall")
        self._raw = b""
        self._cpu = self._ready = self.unchanged = self.skip = 0
        self.looks = 1
        self.listed = 0
        """The number of births when its children were listed."""
        self.unlisted = True
        """Whether it has run since then."""
        self.lock = self.call = ""
        self.ran_ns = monotonic_ns()
        """Since when it has had no turn on a CPU, as far as it was noticed (`time.monotonic_ns`)."""
        self.kin: tuple[int, str] | None = None
        self.wait: Wait | None = None
        with suppress(OSError):  # `read_stat` sees that, too
            self.has_run()  # before all else, or a turn in between would never be noticed
        stat = self.read_stat()
        if stat is None:
            self.close()
            raise ProcessLookupError(tid)
        self.stat = stat
        self.account: ThreadAccount

    def begin(self, now_ns: int, since_ns: int) -> list[Report]:
        """Open the account with what is seen now; return reports since the thread, or the run, began."""
        cpu_ns, ready_ns = self.spent()
        self.account = ThreadAccount(now_ns, self.wait.state if self.wait else None, cpu_ns, ready_ns)
        first, born_ns = self.account.first_report(), _born_ns(self.stat.start_ticks)
        if born_ns < since_ns or now_ns - born_ns < _GAP_NS:
            return [first]
        return [Report(born_ns, State.UNSEEN, 0.0, 0.0, {}), first]

    def close(self) -> None:
        """Close its files."""
        for fd in (self._schedstat, self._stat, self._syscall):
            self._descriptors.close(fd)
        self._schedstat = self._stat = self._syscall = -1

    def has_run(self) -> bool:
        """Return whether it had a turn on a CPU since the last look, as far as the kernel counts it.

        Raises:
            OSError: it is gone.
        """
        if not COUNTS_TURNS:
            self.ran_ns = monotonic_ns()
            return True
        fd = self._schedstat
        raw = os.pread(fd, 64, 0) if fd >= 0 else self._read_anew("schedstat")
        if raw == self._raw:
            return False
        self._raw = raw
        self.ran_ns = monotonic_ns()
        return True

    def spent(self) -> tuple[int, int]:
        """Return how long it had a CPU, and how long it waited for one, since the last call (ns).

        It is as of the last `has_run`.
        """
        fields = self._raw.split()
        cpu, ready = (int(fields[0]), int(fields[1])) if fields else (self.stat.cpu_ns, 0)
        spent = cpu - self._cpu, ready - self._ready
        self._cpu, self._ready = cpu, ready
        return spent

    def read_stat(self) -> Stat | None:
        """Return what its ``stat`` says; None if it is gone."""
        try:
            text = os.pread(self._stat, 1024, 0) if self._stat >= 0 else self._read_anew("stat")
        except OSError:
            return None
        end = text.rfind(b")")
        fields = text[end + 2 :].split()
        if not fields:
            return None
        return Stat(
            fields[0].decode(),
            int(fields[1]),
            0 if COUNTS_TURNS else (int(fields[11]) + int(fields[12])) * _TICK_NS,
            int(fields[17]),
            int(fields[19]),
            text[text.find(b"(") : end] + fields[45],
            text[text.find(b"(") + 1 : end],
        )

    def _read_anew(self, name: str) -> bytes:
        text = read_once(f"{self.folder}/{name}")
        if not text and not os.path.exists(self.folder):
            raise ProcessLookupError(self.tid)
        return text

    def now_waits(self, stat: Stat) -> Wait | None:
        """Return what it waits for, after it has run; None if it runs, or could."""
        if stat.letter == "R":
            return None
        if stat.letter in "ZX" and stat.threads > 1:
            return ENDED  # the main thread has ended before the others
        syscall = b""
        with suppress(OSError):
            syscall = os.pread(self._syscall, 256, 0) if self._syscall >= 0 else self._read_anew("syscall")
        return wait_of(self.folder, stat.letter, syscall)

    def is_hidden(self) -> bool:
        """Return whether it is not permitted to see what it waits for."""
        try:
            with open(f"{self.folder}/syscall", "rb", buffering=0) as file:
                file.read(1)
        except PermissionError:
            return True
        except OSError:  # it is gone
            return False
        return False
