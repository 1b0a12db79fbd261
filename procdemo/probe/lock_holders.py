"""Who holds a lock of multiprocessing: found in the memory of live processes, without stopping them.

Python cannot say it, and the kernel does not know it. But each process keeps how often it took a lock
(`procdemo.probe.semlock_memory`), and the semaphore itself says whether the lock is taken. All that
multiprocessing has is made of four kinds: ``Lock``, ``RLock``, ``Semaphore`` and ``BoundedSemaphore``. A
``Condition`` is a lock and three semaphores, a ``Barrier`` and an ``Event`` have a Condition, a ``Queue`` has
a lock for readers, one for writers, and a BoundedSemaphore for its room.

What cannot be decided is `State.UNKNOWN`:

- A child that was forked while its parent held a lock has a copy of the parent's claim. It is left out if the
  parent claims the same. If the parent gave the lock back since, both the child and the new holder claim it.
  If the parent has died, the child counts as the holder.
- A lock may be given back by a process that did not take it, as a signal. Then the counts of both are wrong,
  and only their sum is right.
- A thread that runs, or waits for the GIL, may have taken a lock and not yet counted that. So no lock is of
  the dead while a thread runs in a process that has it.
- How many a ``Semaphore`` had at first is kept nowhere, and it is often a signal: who gives it back next is
  not known. Its claims say what each process took more than it gave back.
"""

import enum
import time
from collections.abc import Collection, Iterable
from contextlib import ExitStack, suppress
from typing import NamedTuple

from procdemo.probe import semlock_memory
from procdemo.probe.semlock_memory import Memory, SemLock
from procdemo.process import procfs

_UNLIMITED = 2**31 - 1  # SEM_VALUE_MAX, the maxvalue of a Semaphore
_LOOKS = 5


class State(enum.Enum):
    """Who holds a lock."""

    FREE = "free"
    HELD = "held"
    DEAD = "the lock of the dead"
    """It is taken, and no process that lives claims it."""
    UNKNOWN = "not known"


class Claim(NamedTuple):
    """A process that took a lock more often than it gave it back, or the other way round."""

    pid: int
    tid: int
    """The thread that took it last; 0 if it has ended, or is not known."""
    taken: int
    """How often; less than 0 if the process gave back what others took."""


class Lock(NamedTuple):
    """What is known of a semaphore of multiprocessing."""

    kind: str
    """``Lock``, ``RLock``, ``Semaphore``, ``BoundedSemaphore``; empty if no process has an object for it."""
    maxvalue: int
    value: int | None
    """How often it can be taken now; None if that cannot be read."""
    state: State
    claims: tuple[Claim, ...] = ()
    """One for each process whose count is not 0, without copies; the oldest process first."""
    last: Claim | None = None
    """DEAD: the holder at an earlier look, if there was one."""

    @property
    def holders(self) -> tuple[Claim, ...]:
        """The claims of those that hold it now: one of a Lock or RLock; none if that is not known."""
        return tuple(claim for claim in self.claims if claim.taken > 0) if self.state is State.HELD else ()


class Look(NamedTuple):
    """What a search has found."""

    locks: dict[str, Lock]
    """By the number of the semaphore, as in `procfs.Thread.semaphore`."""
    searched: int
    """Bytes."""
    unsearched: int
    """Bytes for which the time did not suffice."""
    closed: tuple[int, ...]
    """The processes whose memory is closed to us, though they may have one of the semaphores."""

    def after(self, earlier: "Look | None") -> "Look":
        """Return this look, with what an earlier one knows of other locks."""
        return self._replace(locks={**earlier.locks, **self.locks}) if earlier else self


class _Object(NamedTuple):
    """A lock object, and where it is."""

    memory: Memory
    semaphore: str
    found: SemLock


def look(
    pids: Iterable[int],
    semaphores: Collection[str] | None = None,
    earlier: Look | None = None,
    budget_s: float = 0.5,
) -> Look:
    """Return who holds the locks of these processes.

    Args:
        pids: all processes that may hold one, e.g. a program and its descendants.
        semaphores: the numbers of those for whose holder to look; None: all that these processes have.
        earlier: an earlier look at the same processes, which may know who held the lock of the dead.
        budget_s: seconds for the search in all.
    """
    give_up = time.monotonic() + budget_s
    with ExitStack() as stack:
        memories, closed = _open(sorted(set(pids), key=_age), semaphores, stack)
        objects, searched, unsearched, unread = _search(memories, give_up)
        complete = not unsearched and not closed and not unread
        locks = _decide(memories, objects, complete)
        if any(lock.state is State.DEAD for lock in locks.values()):
            for number in _elsewhere(memories) & set(locks):
                locks[number] = locks[number]._replace(state=State.UNKNOWN)
        if earlier:
            for number, lock in locks.items():
                before = earlier.locks.get(number)
                if lock.state is State.DEAD and before:
                    locks[number] = lock._replace(last=next(iter(before.holders), before.last))
        return Look(locks, searched, unsearched, (*closed, *unread))


def _open(
    pids: list[int], semaphores: Collection[str] | None, stack: ExitStack
) -> tuple[list[Memory], list[int]]:
    """Return the memories in which to search, closed with `stack`, and the processes that do not let us."""
    memories, closed = [], []
    for pid in pids:
        try:
            memory = stack.enter_context(Memory(pid))
        except OSError:
            found = procfs.stat(pid)
            if found and found.alive:
                closed.append(pid)
            continue
        if semaphores is not None:
            memory.semaphores = {n: at for n, at in memory.semaphores.items() if n in semaphores}
        if memory.semaphores:
            memories.append(memory)
    return memories, closed


def _age(pid: int) -> tuple[int, int]:
    found = procfs.stat(pid)
    return (found.start_ticks if found else 0, pid)


def _search(memories: list[Memory], give_up: float) -> tuple[list[_Object], int, int, list[int]]:
    """Return the lock objects, how many bytes were searched and not searched, and what cannot be read."""
    objects: list[_Object] = []
    runs = {}
    for memory in memories:
        with suppress(OSError):
            runs[memory] = memory.runs()
    searched = unsearched = 0
    # The smallest first: a single large one would take all the time.
    for memory in sorted(runs, key=lambda memory: sum(end - begin for begin, end in runs[memory])):
        if copies := _copies(memory, objects):
            objects.extend(copies)
            continue
        numbers = {at: number for number, at in memory.semaphores.items()}
        for run in runs[memory]:
            left = run[1] - run[0]
            if time.monotonic() < give_up:
                for size, found in memory.search(run, numbers):
                    objects.extend(_Object(memory, numbers[each.handle], each) for each in found)
                    searched += size
                    left -= size
                    if time.monotonic() > give_up:
                        break
            unsearched += left
    objects.sort(key=lambda each: memories.index(each.memory))
    return objects, searched, unsearched, [memory.pid for memory in memories if memory not in runs]


def _copies(memory: Memory, objects: list[_Object]) -> list[_Object]:
    """Return the objects of a process that was forked, if they are where a relative has them.

    A forked process has the semaphores and the objects of its parent at the same addresses, so only one of
    them need be searched; in a process that was started anew all addresses are others.
    """
    found = [
        _Object(memory, number, copy)
        for number, at in memory.semaphores.items()
        for address in {each.found.address for each in objects if each.semaphore == number}
        if (copy := memory.object_at(address)) and copy.handle == at
    ]
    return found if {each.semaphore for each in found} == set(memory.semaphores) else []


def _decide(memories: list[Memory], objects: list[_Object], complete: bool) -> dict[str, Lock]:
    """Read all counts and values anew, until two looks agree, and say who holds what."""
    numbers = dict.fromkeys(number for memory in memories for number in memory.semaphores)
    seen = [_see(number, memories, objects) for number in numbers]
    for _ in range(_LOOKS):
        before, seen = seen, [_see(number, memories, objects) for number in numbers]
        if before == seen:
            break
    locks = {}
    for number, then, now in zip(numbers, before, seen, strict=True):
        owners = {memory.pid for memory, _ in now.own}
        everywhere = owners == {memory.pid for memory in memories if number in memory.semaphores}
        locks[number] = _lock(now.value, now.own, complete and everywhere and then == now and not now.runs)
    return locks


class _Sight(NamedTuple):
    """A semaphore at one moment."""

    value: int | None
    own: list[tuple[Memory, SemLock]]
    runs: bool
    """Whether a thread runs in a process that has it: it may have just taken it, and not yet counted that."""
    turns: list[str]
    """How often each thread of these processes had its turn."""


def _see(number: str, memories: list[Memory], objects: list[_Object]) -> _Sight:
    having = [memory for memory in memories if number in memory.semaphores]
    own = [
        (each.memory, found)
        for each in objects
        if each.semaphore == number and (found := each.memory.object_at(each.found.address))
    ]
    values = (memory.value(number) for memory in having)
    value = next((value for value in values if value is not None), None)
    return _Sight(value, own, *procfs.activity([memory.pid for memory in having]))


def _elsewhere(memories: list[Memory]) -> set[str]:
    """Return the semaphores that a process has that was not searched: an orphan, or one just started."""
    searched = {memory.pid: set(memory.semaphores) for memory in memories}
    return {
        number
        for pid, _ in procfs.processes()
        for number in semlock_memory.semaphores(pid) - searched.get(pid, set())
    }


def _lock(value: int | None, own: list[tuple[Memory, SemLock]], whole: bool) -> Lock:
    """Return what is known of a semaphore with these objects; `whole`: there are no others."""
    if not own:
        return Lock("", 0, value, State.UNKNOWN)
    maxvalue, kind = own[0][1].maxvalue, own[0][1].kind
    claims = tuple(
        Claim(memory.pid, memory.thread(found.ident), found.taken)
        for memory, found in own
        if found.taken and not _is_copy(memory, found, own)
    )
    return Lock(_name(kind, maxvalue), maxvalue, value, _state(value, maxvalue, claims, whole), claims)


def _state(value: int | None, maxvalue: int, claims: tuple[Claim, ...], whole: bool) -> State:
    if value:
        return State.FREE
    if value is None or maxvalue == _UNLIMITED:
        return State.UNKNOWN
    if not claims:
        return State.DEAD if whole else State.UNKNOWN
    takers = sum(claim.taken > 0 for claim in claims)
    taken = sum(claim.taken for claim in claims)
    sure = takers == len(claims) or taken == maxvalue  # no process gave back what others took, or it adds up
    return State.HELD if sure and 0 < takers <= maxvalue else State.UNKNOWN


def _is_copy(memory: Memory, found: SemLock, own: list[tuple[Memory, SemLock]]) -> bool:
    """Return whether an ancestor of this process has the same claim: then this one is a copy of it."""
    same = {
        other.pid
        for other, each in own
        if each.address == found.address and each.ident == found.ident and each.taken
    }
    same.discard(memory.pid)
    ancestor = memory.pid
    while same and (ancestor := procfs.parent(ancestor)):
        if ancestor in same:
            return True
    return False


def _name(kind: int, maxvalue: int) -> str:
    if kind == 0:
        return "RLock"
    return {1: "Lock", _UNLIMITED: "Semaphore"}.get(maxvalue, "BoundedSemaphore")
