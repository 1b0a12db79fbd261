"""The system call in which a thread waits, with what it waits for and how long at most (Linux).

`/proc/PID/task/TID/syscall` has the number and the arguments (proc(5)); what they point to is read from
`/proc/PID/mem`. Both need the right to trace the process (ptrace(2)). The meaning of each argument is that of
its manual page, section 2.
"""

import os
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from procdemo.process import procfs

_NUMBERS: dict[str, dict[str, tuple[int, ...]]] = {
    "accept": {"x86_64": (43, 288), "aarch64": (202, 242)},
    "clock_nanosleep": {"x86_64": (230,), "aarch64": (115,)},
    "connect": {"x86_64": (42,), "aarch64": (203,)},
    "epoll_wait": {"x86_64": (232, 281), "aarch64": (22,)},
    "epoll_pwait2": {"x86_64": (441,), "aarch64": (441,)},
    "fcntl": {"x86_64": (72,), "aarch64": (25,)},
    "flock": {"x86_64": (73,), "aarch64": (32,)},
    "futex": {"x86_64": (202,), "aarch64": (98,)},
    "nanosleep": {"x86_64": (35,), "aarch64": (101,)},
    "open": {"x86_64": (2, 257), "aarch64": (56,)},
    "pause": {"x86_64": (34, 130), "aarch64": (133,)},
    "poll": {"x86_64": (7,), "aarch64": ()},
    "ppoll": {"x86_64": (271,), "aarch64": (73,)},
    "pselect": {"x86_64": (270,), "aarch64": (72,)},
    "read": {"x86_64": (0, 19, 45, 47), "aarch64": (63, 65, 207, 212)},
    "select": {"x86_64": (23,), "aarch64": ()},
    "sigwait": {"x86_64": (128,), "aarch64": (137,)},
    "wait4": {"x86_64": (61,), "aarch64": (260,)},
    "waitid": {"x86_64": (247,), "aarch64": (95,)},
    "write": {"x86_64": (1, 20, 40, 44, 46), "aarch64": (64, 66, 71, 206, 211)},
}
"""Calls of the same meaning have one name: ``read`` is also recvfrom(), ``pause`` is also sigsuspend()."""

_MACHINE = os.uname().machine if hasattr(os, "uname") else ""
_NAMES = {number: name for name, numbers in _NUMBERS.items() for number in numbers.get(_MACHINE, ())}
_FUTEX_WAITS = {0, 9}  # FUTEX_WAIT, FUTEX_WAIT_BITSET
_FUTEX_PRIVATE, _FUTEX_REALTIME = 0x80, 0x100
_TIMER_ABSTIME = 1
_P_PID, _P_PIDFD = 1, 3
_POLLIN, _POLLOUT = 0x1, 0x4
_SETLKW = {7, 38}  # F_SETLKW, F_OFD_SETLKW
_MOST = 1024

READ, WRITE, ACCEPT, END, LOCK = "read", "write", "accept", "end", "lock"


class Call(NamedTuple):
    """What a thread waits for, as far as its system call says it."""

    name: str
    """A key of the table above; empty if it is another call, or hidden from us."""
    fds: tuple[tuple[int, str], ...] = ()
    """Descriptors, and for what each is waited for: `READ`, `WRITE`, `ACCEPT`, `LOCK`."""
    child: int = 0
    """The process for whose end it waits; -1 for any child."""
    address: int = 0
    """The futex at which it waits."""
    private: bool = False
    """Whether only threads of the same process can use that futex."""
    limited: bool = False
    """Whether the wait has a time limit."""
    left_s: float | None = None
    """Seconds until that limit; None if there is none, or if it is not known."""
    limit_s: float | None = None
    """How long the wait may last in all, if that is what the call says: not since when it lasts."""


class Reader:
    """Reads the calls of one process. Its memory is opened when it is needed first."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def call(self, tid: int) -> tuple[Call, bytes] | None:
        """Return the call of a thread and the text from which it was read; None if it is hidden from us."""
        text = procfs.read(f"/proc/{self._pid}/task/{tid}/syscall")
        number, *words = text.split() or [b""]
        if not number:
            return None
        name = _NAMES.get(int(number), "") if number.isdigit() else ""
        args = [int(word, 16) for word in words[:6]] if name else []
        return (self._parse(name, args) if len(args) == 6 else Call("")), text  # noqa: PLR2004

    def _parse(self, name: str, args: list[int]) -> Call:  # noqa: C901, PLR0911, PLR0912 - a table
        call = Call(name)
        match name:
            case "read" | "write":
                return call._replace(fds=((args[0], READ if name == "read" else WRITE),))
            case "accept":
                return call._replace(fds=((args[0], ACCEPT),))
            case "connect":
                return call._replace(fds=((args[0], WRITE),))
            case "flock":
                return call._replace(fds=((args[0], LOCK),))
            case "fcntl":
                return call._replace(fds=((args[0], LOCK),)) if args[1] in _SETLKW else Call("")
            case "wait4":
                child = _signed(args[0])
                return call._replace(child=child if child > 0 else -1)
            case "waitid":
                return self._waitid(call, args)
            case "futex":
                return self._futex(call, args)
            case "nanosleep":
                return self._limit(call, args[0], None)
            case "clock_nanosleep":
                clock = args[0] if args[1] & _TIMER_ABSTIME else None
                return self._limit(call, args[2], clock)
            case "sigwait":
                return self._limit(call, args[2], None)
            case "poll":
                return _milliseconds(call._replace(fds=tuple(self._polled(*args[:2]))), args[2])
            case "ppoll":
                return self._limit(call._replace(fds=tuple(self._polled(*args[:2]))), args[2], None)
            case "select" | "pselect":
                return self._limit(call._replace(fds=tuple(self._selected(args))), args[4], None)
            case "epoll_wait":
                return _milliseconds(call._replace(fds=tuple(self._registered(args[0]))), args[3])
            case "epoll_pwait2":
                return self._limit(call._replace(fds=tuple(self._registered(args[0]))), args[3], None)
        return call

    def _waitid(self, call: Call, args: list[int]) -> Call:
        kind = args[0] & 0xFFFFFFFF
        if kind == _P_PID:
            return call._replace(child=args[1])
        if kind == _P_PIDFD:
            return call._replace(fds=((args[1], END),))
        return call._replace(child=-1)

    def _futex(self, call: Call, args: list[int]) -> Call:
        operation = args[1] & 0x7F
        if operation not in _FUTEX_WAITS:
            return Call("")
        clock = time.CLOCK_REALTIME if args[1] & _FUTEX_REALTIME else time.CLOCK_MONOTONIC
        call = call._replace(address=args[0], private=bool(args[1] & _FUTEX_PRIVATE))
        return self._limit(call, args[3], clock if operation else None)

    def _limit(self, call: Call, address: int, clock: int | None) -> Call:
        """Add the limit that a ``struct timespec`` is: a moment of this clock, or None for a duration."""
        if not address:
            return call
        text = self._read(address, 16)
        if len(text) < 16:  # noqa: PLR2004 - it cannot be read
            return call._replace(limited=True)
        seconds, nanoseconds = struct.unpack("=qq", text)
        if clock is None:  # it is not known when it began
            return call._replace(limited=True, limit_s=seconds + nanoseconds / 1e9)
        left = None
        with suppress(OSError, OverflowError):
            left = max(seconds + nanoseconds / 1e9 - time.clock_gettime(clock), 0.0)
        return call._replace(limited=True, left_s=left)

    def _polled(self, address: int, count: int) -> Iterator[tuple[int, str]]:
        for fd, events, _ in struct.iter_unpack("=ihh", self._read(address, 8 * min(count, _MOST))):
            if fd >= 0:
                yield fd, WRITE if events & _POLLOUT and not events & _POLLIN else READ

    def _selected(self, args: list[int]) -> Iterator[tuple[int, str]]:
        count = min(_signed(args[0]), _MOST)
        for address, use in zip(args[1:3], (READ, WRITE), strict=True):
            bits = int.from_bytes(self._read(address, (count + 63) // 64 * 8), "little") if address else 0
            yield from ((fd, use) for fd in range(count) if bits >> fd & 1)

    def _registered(self, epoll: int) -> Iterator[tuple[int, str]]:
        """Yield what an epoll descriptor watches: proc(5), /proc/PID/fdinfo."""
        for line in procfs.read(f"/proc/{self._pid}/fdinfo/{epoll}").splitlines():
            if line.startswith(b"tfd:"):
                words = line.split()
                events = int(words[3], 16)
                yield int(words[1]), WRITE if events & _POLLOUT and not events & _POLLIN else READ

    def _read(self, address: int, size: int) -> bytes:
        with (
            suppress(OSError, OverflowError, ValueError),
            open(f"/proc/{self._pid}/mem", "rb", buffering=0) as memory,
        ):
            return os.pread(memory.fileno(), size, address)
        return b""


def _milliseconds(call: Call, argument: int) -> Call:
    milliseconds = _signed(argument)
    return call._replace(limited=True, limit_s=milliseconds / 1000) if milliseconds >= 0 else call


def _signed(argument: int) -> int:
    """Return an argument of the C type int."""
    return struct.unpack("=i", struct.pack("=I", argument & 0xFFFFFFFF))[0]  # type: ignore[no-any-return]
