"""Which thread holds a `threading.RLock`: found in the memory of its process, without stopping it.

An RLock object keeps its owner (CPython 3.11 to 3.13, Modules/_threadmodule.c)::

    object header   16 bytes; its last 8: the type
    rlock_lock      8: the address of a semaphore of the C library, at which waiting threads are
    rlock_owner     8: the ident of the thread that holds it
    rlock_count     8: how often

So the object that has the address of a wait is looked for; the name of its type is the proof. A plain
`threading.Lock` has the same address in the same place, but does not know its owner. From 3.14 on threads
wait elsewhere (Python/parking_lot.c), and in a free-threaded build objects are laid out otherwise: then
nothing is found, and the owner is not known.
"""

import time
from collections.abc import Collection
from contextlib import suppress

from procdemo.probe.semlock_memory import Memory

_RLOCK, _LOCK = b"_thread.RLock\0", b"_thread.lock\0"
_HEADER, _WORD = 16, 8

PLAIN = 0
"""Instead of an owner: this is a Lock, which has none."""


def owners(pid: int, addresses: Collection[int], budget_s: float) -> dict[int, int]:
    """Return the address of each wait -> the thread (TID) that holds the RLock there, or `PLAIN`.

    Args:
        pid: the process.
        addresses: those at which its threads wait.
        budget_s: seconds for the search.
    """
    give_up = time.monotonic() + budget_s
    found: dict[int, int] = {}
    with suppress(OSError), Memory(pid) as memory:  # it may be closed to us, or gone
        for run in memory.runs():
            for at, address in memory.find(run, addresses):
                kind = memory.type_name(at - _HEADER, len(_RLOCK))
                if kind == _RLOCK and memory.word(at + 2 * _WORD):
                    if tid := memory.thread(memory.word(at + _WORD)):
                        found[address] = tid
                elif kind.startswith(_LOCK):
                    found[address] = PLAIN
                if time.monotonic() > give_up:
                    return found
    return found
