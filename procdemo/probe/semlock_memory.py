"""The lock objects of multiprocessing in the memory of a live process, read without stopping it.

Python keeps a ``SemLock`` object for each lock (CPython, Modules/_multiprocessing/semaphore.c, the same in
3.11 to 3.15 on Unix)::

    object header   16 bytes; 32 in a free-threaded build (Include/object.h); its last 8: the type
    handle          8: the address of the semaphore, a mapping of /dev/shm/sem.* (sem_overview(7))
    last_tid        8: the ident of the thread that took it last
    count           4: how often this process took it, less how often it gave it back
    maxvalue        4
    kind            4: 0 for RLock, 1 for all others

The name of the type is the proof: it is ``_multiprocessing.SemLock``, or this is no such object. A freed
object keeps its type, but not its reference count. All numbers are of 64-bit machines.

``/proc/PID/mem`` and ``/proc/PID/pagemap`` need the right to trace the process (ptrace(2),
PTRACE_MODE_ATTACH_FSCREDS): the same user, or CAP_SYS_PTRACE; under Yama an ancestor.
"""

import mmap
import os
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from procdemo.process import memory_maps, procfs

_TYPE_NAME = b"_multiprocessing.SemLock\0"
_NAME_AT = {16: 24, 32: 40}  # size of an object's header: where a type object has the address of its name
_OBJECT = struct.Struct("=QIIQQQQiii")  # from 32 bytes before the handle
_HANDLE_AT = 32
_USED = bytes(bool(byte & 0b1100_0000) and not byte & 0b0000_0100 for byte in range(256))
"""What the highest byte of a page's word in pagemap says: whether there is something to read."""
_OBJECTS = {"", "[heap", "[anon"}  # begins of the paths of memory where objects can be
_CHUNK = 2**20
_SAMPLE = 2**16
_TID_AT = {"x86_64": (0x2D0, 0x30), "aarch64": (0xD0, 0x20)}
"""Where ``struct pthread`` has the number of the thread: in glibc, in musl."""

Run = tuple[int, int]
"""Begin and end of a piece of memory."""


class SemLock(NamedTuple):
    """A lock object at the moment it was read."""

    address: int
    """Where it has the address of the semaphore."""
    handle: int
    """The address of the semaphore."""
    ident: int
    """The thread that took it last, as `threading.get_ident` says it; 0 if none has."""
    taken: int
    maxvalue: int
    kind: int


def semaphores(pid: int) -> set[str]:
    """Return the numbers of the semaphores that a process has; none if it is gone, or closed to us."""
    text = procfs.read(f"/proc/{pid}/maps")
    # Most processes have none, and all of the machine are asked.
    return {each.file for each in memory_maps.parse(text) if each.is_semaphore} if b"/sem." in text else set()


class Memory:
    """The memory of a process. OSError if it is closed to us, or the process is gone."""

    def __init__(self, pid: int) -> None:
        """Open it, and list its semaphores and the memory where objects can be."""
        self.pid = pid
        self.semaphores: dict[str, int] = {}
        """The number of each semaphore (`memory_maps.Mapping.file`) -> its address."""
        self._areas: list[Run] = []
        self._header: dict[int, int] = {}
        for each in memory_maps.parse(procfs.read(f"/proc/{pid}/maps")):
            if each.is_semaphore:
                self.semaphores[each.file] = each.begin
            elif each.rights.startswith("rw") and each.has_no_file and each.path[:5] in _OBJECTS:
                self._areas.append((each.begin, each.end))
        self._fd = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def runs(self) -> list[Run]:
        """Return the memory that has ever been used: a thread's stack of 8 MB is mostly empty.

        Source: Linux, Documentation/admin-guide/mm/pagemap.rst: bit 63 of a page's word says that it is in
        memory, bit 62 that it is swapped out, bit 58 that it guards a stack (glibc 2.42) and cannot be read.
        """
        found: list[Run] = []
        with open(f"/proc/{self.pid}/pagemap", "rb", buffering=0) as pagemap:
            for begin, end in self._areas:
                words = os.pread(
                    pagemap.fileno(), (end - begin) // mmap.PAGESIZE * 8, begin // mmap.PAGESIZE * 8
                )
                used = words[7::8].translate(_USED)
                first = used.find(1)
                while first >= 0:
                    last = end_of_run if (end_of_run := used.find(0, first)) >= 0 else len(used)
                    found.append((begin + first * mmap.PAGESIZE, begin + last * mmap.PAGESIZE))
                    first = used.find(1, last)
        return found

    def value(self, semaphore: str) -> int | None:
        """Return the value of a semaphore: how often it can be taken now; None if it is gone.

        Source: ``struct new_sem`` of glibc (sysdeps/nptl/internaltypes.h) and ``__val`` of musl begin with
        it; the highest bit of musl's says that a thread waits.
        """
        found = self.read(self.semaphores[semaphore], 4)
        return int.from_bytes(found, "little") & 0x7FFFFFFF if found else None

    def search(self, run: Run, handles: Collection[int]) -> Iterator[tuple[int, list[SemLock]]]:
        """Yield, piece by piece, how many bytes were searched, and the lock objects with these handles."""
        for begin, chunk in self._chunks(run):
            found = (self.object_at(begin + index) for index in _find_aligned(chunk, handles))
            # Before Linux 6.15 a page that guards a stack looks like others: it cannot be read.
            yield len(chunk) or mmap.PAGESIZE, [each for each in found if each]

    def find(self, run: Run, numbers: Collection[int]) -> Iterator[tuple[int, int]]:
        """Yield where in this piece of memory one of these numbers of 8 bytes is, and which."""
        for begin, chunk in self._chunks(run):
            for index in _find_aligned(chunk, numbers):
                yield begin + index, int.from_bytes(chunk[index : index + 8], "little")

    def word(self, address: int) -> int:
        """Return the number of 8 bytes at this address; 0 if it cannot be read."""
        return int.from_bytes(self.read(address, 8), "little")

    def type_name(self, address: int, size: int) -> bytes:
        """Return the first bytes of the name of the type of an object, not in a free-threaded build."""
        return self.read(self.word(self.word(address + 8) + _NAME_AT[16]), size)

    def _chunks(self, run: Run) -> Iterator[tuple[int, bytes]]:
        """Yield address and content of each piece that is searched at once; empty if it cannot be read."""
        begin, end = run
        while begin < end:
            chunk = self.read(begin, min(_CHUNK, end - begin))
            yield begin, chunk
            begin += len(chunk) or mmap.PAGESIZE

    def object_at(self, address: int) -> SemLock | None:
        """Return the lock object that has its handle here; None if there is none."""
        found = self.read(address - _HANDLE_AT, _OBJECT.size)
        if len(found) < _OBJECT.size:
            return None
        _, _, local, references, kind_of_object, *fields = _OBJECT.unpack(found)
        match self._header_of(kind_of_object):
            case 16:  # the upper half is for flags from 3.14 on; a freed object has an address, or 0, here
                alive = references & 0xFFFFFFFF > 0 and not references >> 32 & 0xFFFF
            case 32:
                alive = local > 0 or references >> 2 > 0
            case _:
                return None
        if not alive:
            return None
        return SemLock(address, *fields)

    def thread(self, ident: int) -> int:
        """Return the number of the thread (TID) with this ident; 0 if it has ended, or is not known.

        The ident is the address of ``struct pthread``, in which the C library keeps the number that the
        thread has in its own PID namespace.
        """
        tasks = procfs.own_numbers(self.pid)
        for offset in _TID_AT.get(os.uname().machine, ()):
            tid = int.from_bytes(self.read(ident + offset, 4), "little")
            # On x86-64 it begins with its own address, in glibc and in musl.
            if tid in tasks and (
                offset in {0xD0, 0x20} or self.read(ident, 8) == ident.to_bytes(8, "little")
            ):
                return tasks[tid]
        return 0

    def _header_of(self, address: int) -> int:
        """Return the size of an object's header if the type of lock objects is here, otherwise 0."""
        if address not in self._header:
            self._header[address] = next(
                (
                    header
                    for header, name_at in _NAME_AT.items()
                    if (name := self.read(address + name_at, 8))
                    and self.read(int.from_bytes(name, "little"), len(_TYPE_NAME)) == _TYPE_NAME
                ),
                0,
            )
        return self._header[address]

    def read(self, address: int, size: int) -> bytes:
        """Return this memory; less or nothing if it is gone."""
        with suppress(OSError, OverflowError):
            return os.pread(self._fd, size, address)
        return b""


def _find_aligned(chunk: bytes, numbers: Collection[int]) -> Iterator[int]:
    """Yield the places of numbers of 8 bytes, at multiples of 8.

    Addresses of semaphores differ in their lowest bytes only, so one search finds most of them. `bytes.find`
    looks for the last byte of what it searches, so it is faster by a multiple with one that is rare here.
    """
    sample = chunk[:_SAMPLE]
    wholes = {number.to_bytes(8, "little") for number in numbers}
    for common in {whole[2:6] for whole in wholes}:
        needle = common[: min(range(2, 5), key=lambda size: sample.count(common[size - 1]))]
        index = chunk.find(needle)
        while index >= 0:
            if index % 8 == 2 and chunk[index - 2 : index + 6] in wholes:  # noqa: PLR2004 - see above
                yield index - 2
            index = chunk.find(needle, index + 1)
