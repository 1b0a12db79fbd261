"""Waits at a semaphore of multiprocessing, or at the lock of a file: which thread holds it."""

from procdemo.probe import attributes, own_line, wait_reason
from procdemo.probe.lock_holders import Claim, Lock, State
from procdemo.probe.snapshot import Process, Thread
from procdemo.probe.thread_waits import BLOCKED, Context, Node, Wait, reason
from procdemo.process import procfs

_LOCK_FIELDS = 6


def at_semaphore(context: Context, process: Process, thread: Thread, number: str) -> Wait:
    """Return the wait of a thread at the semaphore `number`."""
    node = (process.pid, thread.tid)
    lock = context.snapshot.locks.locks.get(number)
    words = reason(thread) or wait_reason.A_LOCK
    if lock and _is_lock(lock, words, thread):
        wait = _at_lock(context, node, words, number, lock)
    else:
        wait = _at_signal(context, node, words, number, lock)
    call = thread.call
    assert call  # noqa: S101 - the caller has it
    return wait._replace(
        limited=call.limited, left_s=call.left_s, lock=context.letters[number], still=thread.still
    )


def _is_lock(lock: Lock, words: str, thread: Thread) -> bool:
    """Return whether the one that has taken it is the one to give it back.

    A BoundedSemaphore(1), which looks like a Lock, is also the room of a Queue(1), and that is given back by
    readers: the stack tells them apart.
    """
    return lock.kind == "RLock" or (lock.maxvalue == 1 and words != wait_reason.ROOM and bool(thread.stack))


def _at_lock(context: Context, node: Node, words: str, number: str, lock: Lock) -> Wait:
    letter = context.letters[number]
    words = f"lock {letter}" if words == wait_reason.A_LOCK else f"{words} (lock {letter})"
    having = context.in_tree(context.snapshot.mapped.get(number, ()))
    strangers = [
        pid for pid in context.snapshot.mapped.get(number, ()) if pid not in context.snapshot.processes
    ]
    if lock.state is State.DEAD:
        said = f"{words}, the lock of the dead: {_last_holder(lock)}"
        return Wait(BLOCKED, said, known=True, dead=True)
    if not lock.holders:
        said = f"{words}; the holder is {_not_known(context)}"
        enders = (*context.threads_of(having, without=node), *_openers(context, having))
        return Wait(BLOCKED, said, (), enders, known=not strangers and lock.state is not State.FREE)
    holder = _holder(context, lock.holders[0])
    if holder is None:
        return Wait(BLOCKED, f"{words}, which PID {lock.holders[0].pid} holds")
    whose = "it holds itself" if holder == node else f"{context.name(holder)} holds"
    return Wait(
        BLOCKED,
        f"{words}, which {whose}",
        (holder,),
        (holder, *_other_givers(context, node, holder, having, lock)),
        known=not strangers,
    )


def last_holder(lock: Lock) -> Claim | None:
    """Return the last known holder of the lock of the dead; None if it was not seen.

    One that lives has given the lock back since, and another one has taken it.
    """
    found = lock.last and procfs.stat(lock.last.pid)
    return None if found and found.alive else lock.last


def _last_holder(lock: Lock) -> str:
    holder = last_holder(lock)
    return f"PID {holder.pid} had it and has ended" if holder else "a process took it and has ended"


def _other_givers(
    context: Context, node: Node, holder: Node, having: list[int], lock: Lock
) -> tuple[Node, ...]:
    """Return the threads that could give back a lock which another one holds.

    A Lock can be given back by any process, as a signal. An RLock cannot, and a thread that is in a ``with``
    block gives back its lock itself.
    """
    thread = context.snapshot.processes[holder[0]].threads[holder[1]]
    if lock.kind == "RLock":
        return ()
    blocks = own_line.blocks(holder[0], thread.stack)
    if thread.still and (blocks.inside or blocks.entering_second):
        return ()
    others = tuple((pid, pid) for pid in having if pid not in {node[0], holder[0]})
    return (*others, *_openers(context, having))


def _openers(context: Context, having: list[int]) -> tuple[Node, ...]:
    """Return the threads of other processes that may have the semaphore in a moment."""
    if context.snapshot.has_stacks:
        return tuple(node for node in context.unsettled if node[0] not in having)
    processes = context.snapshot.processes.values()  # it is not known which of them are being started
    return tuple(
        (each.pid, each.pid) for each in processes if each.pid not in having and each.parent in having
    )


def _at_signal(context: Context, node: Node, words: str, number: str, lock: Lock | None) -> Wait:
    """Return the wait at a semaphore that other threads give back than the one that has taken it."""
    mapped = context.snapshot.mapped.get(number, [])
    having = context.in_tree(mapped)
    known = all(pid in context.snapshot.processes for pid in mapped)
    enders = (*context.threads_of(having, without=node), *_openers(context, having))
    on: tuple[Node, ...] = ()
    more = ""
    if words == wait_reason.A_LOCK and lock:
        takers = [claim for claim in lock.claims if claim.taken > 0]
        on = tuple(holder for claim in takers if (holder := _holder(context, claim)))
        names = [
            context.name(holder) if (holder := _holder(context, each)) else f"PID {each.pid}"
            for each in takers
        ]
        taken = " and ".join(
            f"{name} has taken {claim.taken}" for name, claim in zip(names, takers, strict=True)
        )
        words = f"semaphore {context.letters[number]}"
        more = f", of which {taken}" if taken else ""
        if any(claim.taken < 0 for claim in lock.claims):  # it is used as a signal
            on = ()
    elif words == wait_reason.ROOM:
        on = tuple(
            each for each in enders if each[0] != node[0] and each[1] == each[0] and _may_read(context, each)
        )
    elif words == wait_reason.BARRIER:
        more = f" ({_arrived(context, number)}{_parties(context, node)} have arrived)"
    return Wait(BLOCKED, words + more, on, enders, known=known)


def _may_read(context: Context, node: Node) -> bool:
    """Return whether a thread could take an item from a queue: not if it waits in put() itself."""
    return reason(context.snapshot.processes[node[0]].threads[node[1]]) != wait_reason.ROOM


def _arrived(context: Context, number: str) -> int:
    """Return how many threads wait at this semaphore."""
    return sum(
        context.snapshot.semaphores.get((process.pid, thread.call.address)) == number
        for process in context.snapshot.processes.values()
        for thread in process.threads.values()
        if thread.call and thread.call.address
    )


def _parties(context: Context, node: Node) -> str:
    """Return how many must arrive at a barrier; empty if that is not known.

    ``multiprocessing.Barrier`` has one whole number among its attributes, and that is it.
    """
    thread = context.snapshot.processes[node[0]].threads[node[1]]
    where = zip(thread.stack, thread.objects, strict=True)
    barrier = [at for frame, at in where if frame.file.endswith("/threading.py") and frame.function == "wait"]
    numbers = attributes.numbers(node[0], barrier[-1]) if barrier and barrier[-1] else set()
    return f" of {numbers.pop()}" if len(numbers) == 1 else ""


def _holder(context: Context, claim: Claim) -> Node | None:
    """Return the thread that holds a lock; None if it is not known, or not in the picture."""
    process = context.snapshot.processes.get(claim.pid)
    if not process:
        return None
    if claim.tid in process.threads:
        return claim.pid, claim.tid
    return (claim.pid, process.pid) if len(process.threads) == 1 else None


def _not_known(context: Context) -> str:
    """Return why the holder is not known, if there is a reason."""
    locks = context.snapshot.locks
    if locks.unsearched:
        return f"not known: there was no time to search {locks.unsearched / 1e6:.0f} MB"
    return "not known"


def at_file_lock(context: Context, process: Process, thread: Thread) -> Wait:
    """Return the wait of a thread for a lock of a file: proc(5), /proc/locks; a waiter follows ``->``."""
    call = thread.call
    assert call  # noqa: S101
    held: dict[bytes, int] = {}
    holder = 0
    for line in procfs.read("/proc/locks").splitlines():
        number, *fields = line.split()
        if fields[:1] != [b"->"] and len(fields) >= _LOCK_FIELDS:
            held[number] = int(fields[3])
        elif len(fields) > _LOCK_FIELDS and int(fields[4]) == process.pid:
            holder = held.get(number, 0)
    file = process.files.get(call.fds[0][0]) if call.fds else None
    if not file or holder <= 0:  # what has no owner is a lock of an open file: F_OFD_SETLK
        return Wait(BLOCKED, "the lock of a file; the holder is not known", still=thread.still)
    # What flock() locks is given back by any process that has the open file from the one that locked it.
    pids = (
        [pid for pid, _ in context.snapshot.holders.get(file.target, ())]
        if call.name == "flock"
        else [holder]
    )
    other = context.snapshot.processes.get(holder)
    lives = procfs.stat(holder) is not None
    verb = "holds" if lives else "took, and has ended"
    name = other.role if other else f"PID {holder}"
    return Wait(
        BLOCKED,
        f"the lock of {file.target.rpartition('/')[2]}, which {name} {verb}",
        ((holder, holder),) if other else (),
        context.threads_of(pids, without=(process.pid, thread.tid)),
        known=all(pid in context.snapshot.processes for pid in pids),
        outside=name if lives and not other else "",
        still=thread.still,
    )
