"""Waits for what only threads of the same process can give: a lock, a Condition, a queue, an end."""

from procdemo.probe import own_line, wait_reason
from procdemo.probe.snapshot import Process, Thread
from procdemo.probe.thread_locks import PLAIN
from procdemo.probe.thread_waits import BLOCKED, Context, Node, Wait, reason, thread_name

_MAY_BE_ENDED_BY_SIGNAL = {"a signal of another thread", wait_reason.LOOP, ""}


def at_thread_lock(context: Context, process: Process, thread: Thread) -> Wait:
    """Return the wait of a thread for another one of its own process."""
    call, node = thread.call, (process.pid, thread.tid)
    assert call  # noqa: S101
    words = reason(thread)
    on: tuple[Node, ...] = ()
    enders = context.threads_of([process.pid], without=node)
    owner = context.snapshot.owners.get((process.pid, call.address))
    mutex = False
    if any(frame.function == "_finalize_join" for frame in thread.stack):
        on = tuple(each for each in enders if "_feed" in {f.function for f in process.threads[each[1]].stack})
    elif words == wait_reason.JOIN and (tid := _joined(process, thread)):
        on = enders = ((process.pid, tid),)
        words = f"{thread_name(process, tid)} to end, in join()"
    elif owner in process.threads:
        on = enders = ((process.pid, owner),)
        whose = "it holds itself" if owner == thread.tid else f"{thread_name(process, owner)} holds"
        words = f"{words or 'an RLock'}, which {whose}"
    elif not words and thread.still:
        on, words, mutex = _plain_lock(context, process, thread)
    outside = ""
    if not enders and process.handles_signals and words in _MAY_BE_ENDED_BY_SIGNAL:
        words = outside = "a signal (it has a handler for one)"
    return Wait(
        BLOCKED,
        words or "a lock of its threads",
        on,
        enders,
        known=True,
        outside=outside,
        limited=call.limited,
        left_s=call.left_s,
        mutex=mutex,
        still=thread.still,
    )


def _plain_lock(context: Context, process: Process, thread: Thread) -> tuple[tuple[Node, ...], str, bool]:
    """Return the holder of a `threading.Lock` if only one thread can be that, the words, and `Wait.mutex`.

    The lock itself does not know its holder. But a thread in the block of a ``with`` holds a lock, and not
    the one for which it waits. If there is only one such thread besides this one, this one is at the head of
    a ``with``, and no file of the program takes locks otherwise, that thread holds the lock.
    """
    owners, blocks = context.snapshot.owners, context.blocks(process)
    own = blocks[thread.tid]
    assert thread.call  # noqa: S101
    mutex = bool(own.entering)
    lock = f"the lock {own.entering}" if mutex else "a lock of its threads"
    inside = [other for other in process.threads.values() if other is not thread and blocks[other.tid].inside]
    names = " or ".join(thread_name(process, other.tid) for other in inside[:3])
    plain = owners.get((process.pid, thread.call.address)) == PLAIN
    if plain and mutex and own.entering not in own.inside and len(inside) == 1:
        (holder,) = inside
        waits_elsewhere = holder.still and holder.call and holder.call.address != thread.call.address
        otherwise = any(own_line.acquires(process.pid, other.stack) for other in process.threads.values())
        if waits_elsewhere and not reason(holder) and not otherwise:
            return ((process.pid, holder.tid),), f"{lock}, which {names} holds", mutex
    hint = f", perhaps {names}, which is in a with block" if inside else ""
    return (), f"{lock}; the holder is not known{hint}", mutex


def _joined(process: Process, thread: Thread) -> int:
    """Return the number of the thread whose ``join()`` was called; 0 if it is not known.

    The Thread object to which the method ``join`` belongs is the one to which the outermost method of the
    thread itself belongs (threading.py, ``_bootstrap``).
    """
    joined = next(
        (at for frame, at in zip(thread.stack, thread.objects, strict=True) if frame.function == "join"), 0
    )
    started = {
        other.tid: other.objects[-1]
        for other in process.threads.values()
        if other.stack and other.stack[-1].function == "_bootstrap"
    }
    if joined and joined not in started.values() and started.keys() | {process.pid} == process.threads.keys():
        return process.pid  # all others are known, so it is the main thread
    return next((tid for tid, at in started.items() if joined and at == joined), 0)
