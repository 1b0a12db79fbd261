"""The verdict on a program: does it hang, and why? Concluded from what each of its threads waits for.

A thread can be woken only by the threads that could end its wait. The largest set of threads that wait
without a limit, and only for each other, can never go on: nothing outside of the set could wake one of them.
In it a circle is looked for. What was not still while the picture was made, waits with a limit, or for
something that is not known, is never in that set: so it is not said of a program that works that it hangs.

A signal can come at any time, and its handler, which runs in the main thread of its process, can set an event
or put something into a queue. So a main thread that has a handler can end each wait for that.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from procdemo.probe import common_files, thread_waits, wait_ends, wait_locks, wait_threads
from procdemo.probe.own_line import own_frame
from procdemo.probe.programs import HELPER
from procdemo.probe.snapshot import Process, Snapshot, Thread
from procdemo.probe.thread_waits import Context, Node, Wait

DEADLOCK, STUCK, COMPUTING, SLEEPING, OUTSIDE, UNKNOWN = (
    "deadlock",
    "stuck",
    "computing",
    "sleeping",
    "outside",
    "not known",
)
"""Verdicts."""

_AT_TIME = {"clock_nanosleep", "nanosleep", "pause", "sigwait"}
_AT_CHILD = {"wait4", "waitid"}
_NO_SIGNAL = (" to end", " holds")  # words of waits that no signal handler ends: for an end, or for a holder
_GIL_S = 0.006  # a thread asks for the GIL every 5 ms: sys.setswitchinterval()


class Verdict(NamedTuple):
    """What is concluded."""

    name: str
    answer: str
    """One sentence."""
    circle: tuple[Node, ...]
    """Threads of which each waits for the next, and the last for the first."""
    waits: Mapping[Node, Wait]
    """What each thread waits for, helpers of multiprocessing left out."""
    context: Context
    caught: Collection[Node] = ()
    """The threads that can never go on."""


def judge(
    snapshot: Snapshot, still: Collection[Node] | None = None, stood: Mapping[Node, float] | None = None
) -> Verdict:
    """Return the verdict on a program.

    Args:
        snapshot: the picture of it.
        still: if given, only these threads count as still: it is known that they were it for longer.
        stood: for how many seconds threads have stood still already, if that is known.
    """
    numbers = dict.fromkeys(snapshot.semaphores.values())
    letters = {number: thread_waits.letter(index) for index, number in enumerate(numbers)}
    context = Context(snapshot, letters, stood or {})
    found = {
        (process.pid, thread.tid): _wait(context, process, thread)
        for process in snapshot.processes.values()
        if process.program.kind != HELPER
        for thread in process.threads.values()
    }
    for node, wait in found.items():
        process = snapshot.processes[node[0]]
        moves = still is not None and node not in still
        alarmed = process.handles_alarm and node[0] == node[1]  # when, cannot be seen
        left_s = _left_s(wait, process.threads[node[1]], context.stood.get(node))
        found[node] = wait._replace(
            still=wait.still and not moves, known=wait.known and not alarmed, left_s=left_s
        )
    caught = _closed(found, snapshot)
    circle = _circle(found, caught)
    name, answer = _conclude(context, found, caught, circle)
    return Verdict(name, answer, circle, found, context, caught)


def _wait(context: Context, process: Process, thread: Thread) -> Wait:  # noqa: PLR0911 - a table
    if without := thread_waits.without_call(process, thread):
        return without
    call = thread.call
    assert call  # noqa: S101 - otherwise it is a wait without a call
    if call.name in _AT_TIME or (call.name in {"poll", "ppoll", "select", "pselect"} and not call.fds):
        return thread_waits.at_time(thread)
    if call.name in _AT_CHILD and call.child:
        return thread_waits.at_child(context, process, thread)
    if call.name == "futex":
        return _at_futex(context, process, thread)
    if call.name in {"flock", "fcntl"}:
        return wait_locks.at_file_lock(context, process, thread)
    if call.fds:
        return wait_ends.at_descriptors(context, process, thread)
    words = thread_waits.reason(thread) or "something that is not known"
    return Wait(thread_waits.UNKNOWN, words, still=thread.still)


def _left_s(wait: Wait, thread: Thread, stood_s: float | None) -> float | None:
    """Return how long a wait lasts at most: for a duration this is known if its beginning is."""
    if wait.limited and wait.left_s is None and stood_s and thread.call and thread.call.limit_s:
        return max(thread.call.limit_s - stood_s, 0.0)
    return wait.left_s


def _at_futex(context: Context, process: Process, thread: Thread) -> Wait:
    call = thread.call
    assert call  # noqa: S101
    if number := context.snapshot.semaphores.get((process.pid, call.address)):
        wait = wait_locks.at_semaphore(context, process, thread, number)
        name = common_files.public_name(process.pid, number)
        return wait._replace(outside=f"another program that opens the semaphore {name}") if name else wait
    if not call.private:
        return Wait(thread_waits.BLOCKED, "a lock that is not known", still=thread.still)
    if call.limited and not thread.still and call.left_s is not None and call.left_s < _GIL_S:
        return Wait(thread_waits.COMPUTING, "the GIL", limited=True)
    return wait_threads.at_thread_lock(context, process, thread)


def _closed(found: Mapping[Node, Wait], snapshot: Snapshot) -> set[Node]:
    """Return the largest set of threads that wait without a limit, and only for each other."""
    caught = {node for node, wait in found.items() if wait.endless}
    while True:
        handling = set(_handling(found, snapshot, caught))
        free = {node for node in caught if not _held(node, found[node], caught, handling)}
        if not free:
            return caught
        caught -= free


def _handling(found: Mapping[Node, Wait], snapshot: Snapshot, caught: set[Node]) -> Iterator[int]:
    """Yield the processes that handle a signal which may come: SIGCHLD only if a child can still end."""
    may_end = {
        process.parent
        for pid, process in snapshot.processes.items()
        if (wait := found.get((pid, pid))) and (pid, pid) not in caught and wait.state != thread_waits.ZOMBIE
    }
    for pid, process in snapshot.processes.items():
        if process.handles_signals or (process.handles_child and pid in may_end):
            yield pid


def _held(node: Node, wait: Wait, caught: set[Node], handling: Collection[int]) -> bool:
    """Return whether none that could end this wait can go on; if all must end, one that cannot is enough."""
    if wait.every:
        return any(ender in caught for ender in wait.enders)
    if (
        handling
        and not (wait.mutex or wait.dead or any(words in wait.words for words in _NO_SIGNAL))
        and any(pid == tid and pid in handling for pid, tid in (node, *wait.enders))
    ):
        return False
    return all(ender in caught for ender in wait.enders)


def _circle(found: Mapping[Node, Wait], caught: set[Node]) -> tuple[Node, ...]:
    """Return a circle of threads in that set, none of them at rest; () if there is none."""
    part = {node for node in caught if not found[node].idle}
    done: set[Node] = set()
    for start in filter(part.__contains__, found):  # parents first, each time in the same order
        path, branches = [start], [iter(found[start].on)]
        while path and start not in done:
            node = next((node for node in branches[-1] if node in part and node not in done), None)
            if node is None:
                done.add(path.pop())
                branches.pop()
            elif node in path:
                return tuple(path[path.index(node) :])
            else:
                path.append(node)
                branches.append(iter(found[node].on))
    return ()


def _conclude(
    context: Context, found: Mapping[Node, Wait], caught: set[Node], circle: tuple[Node, ...]
) -> tuple[str, str]:
    """Return the verdict, and the sentence that gives the reason."""
    if circle:
        told = "; ".join(_sentence(context, found, node) for node in circle[:4])
        more = f"; and so on, {len(circle)} threads in all" if circle[4:] else ""
        return DEADLOCK, told + more
    # Of a lock that is no signal the holder is in that set as well, or has ended, even if it is not known.
    surely = [
        node
        for node, wait in found.items()
        if (wait.dead and wait.endless) or (wait.mutex and node in caught)
    ]
    if surely:
        return DEADLOCK, _sentence(context, found, surely[0])
    alive = {node: wait for node, wait in found.items() if wait.state != thread_waits.ZOMBIE}
    acting = {node: wait for node, wait in alive.items() if not wait.idle} or alive
    main = (context.snapshot.root, context.snapshot.root)
    goes_on = {node: wait for node, wait in acting.items() if node not in caught}
    limited = [node for node, wait in goes_on.items() if wait.limited or wait.state == thread_waits.SLEEPING]
    computing = [node for node, wait in goes_on.items() if wait.state == thread_waits.COMPUTING]
    outside = [node for node, wait in goes_on.items() if wait.outside]
    if main in caught and (found[main].enders or not (computing or outside or limited)):
        return STUCK, _chain(context, found, main)
    for verdict, nodes in ((COMPUTING, computing), (OUTSIDE, outside), (SLEEPING, limited)):
        if nodes:
            return verdict, _beside(context, found, main, nodes)
    return _without_progress(context, found, acting, caught)


def _without_progress(
    context: Context, found: Mapping[Node, Wait], acting: Mapping[Node, Wait], caught: set[Node]
) -> tuple[str, str]:
    """Return the verdict on a program in which nothing computes, sleeps, or waits for something outside."""
    if not acting:
        return UNKNOWN, "no thread was seen that does anything"
    stopped = [node for node, wait in acting.items() if wait.state == thread_waits.STOPPED]
    if stopped:
        return STUCK, _sentence(context, found, stopped[0])
    start = next(iter(acting))
    if caught >= acting.keys():
        return STUCK, _chain(context, found, start)
    processes = context.snapshot.processes
    if all(processes[pid].threads[tid].still for pid, tid in acting):
        return UNKNOWN, _chain(context, found, start)
    return UNKNOWN, f"{_sentence(context, found, start)}, and threads moved while they were looked at"


def _beside(context: Context, found: Mapping[Node, Wait], main: Node, nodes: list[Node]) -> str:
    """Return what the main thread waits for, and what one of these threads does, which may go on."""
    if main in nodes:
        return _sentence(context, found, main)
    processes = context.snapshot.processes
    known = [(pid, tid) for pid, tid in nodes if processes[pid].threads[tid].stack]  # to Python
    told = _sentence(context, found, next(iter(known or nodes)))
    return f"{_sentence(context, found, main)}; {told}" if main in found and found[main].words else told


def _chain(context: Context, found: Mapping[Node, Wait], start: Node) -> str:
    """Return the sentence about a thread, and about the end of the chain of threads that it waits for."""
    path = [start]
    while following := [node for node in found[path[-1]].on if node in found and node not in path]:
        path.append(following[0])
    told = _sentence(context, found, start)
    end = path[-1]
    if end != start:
        told += f"; {_sentence(context, found, end)}"
    wait = found[end]
    if wait.known and not wait.enders:
        return f"{told}, and no thread is left that could end that"
    if wait.known and wait.endless:
        return f"{told}, and every thread that could end that waits, too"
    return told


def _sentence(context: Context, found: Mapping[Node, Wait], node: Node) -> str:
    """Return what a thread does, with its line."""
    wait = found[node]
    name = f"{context.name(node)}{_at(context, node)}"
    thread = context.snapshot.processes[node[0]].threads[node[1]]
    more = limit(wait)
    if thread_waits.blocks_loop(thread):
        stood = context.stood.get(node)
        more += ", and blocks its event loop" + (f", for {stood:.1f} s already" if stood else "")
    match wait.state:
        case thread_waits.COMPUTING if not wait.words:
            return f"{name} computes{more}"
        case thread_waits.SLEEPING:
            return f"{name} sleeps{more}"
        case thread_waits.STOPPED:
            return f"{name} is stopped, and waits for {wait.words}"
        case _:
            return f"{name} waits for {wait.words}{more}"


def limit(wait: Wait) -> str:
    """Return for how long a thread will wait at most; empty if it has no limit."""
    if not wait.limited:
        return ""
    if wait.left_s is None:
        return ", with a time limit"
    return f", {wait.left_s:.1f} s more" + ("" if wait.state == thread_waits.SLEEPING else " at most")


def _at(context: Context, node: Node) -> str:
    process = context.snapshot.processes[node[0]]
    pid = "" if str(process.pid) in process.role else f" {process.pid}"
    frame = own_frame(process.threads[node[1]].stack)
    return f"{pid} ({frame.path.rpartition('/')[2]}:{frame.line})" if frame else pid


def lines_of(verdict: Verdict, nodes: tuple[Node, ...]) -> Iterator[str]:
    """Yield a sentence for each of these threads."""
    for node in nodes:
        yield _sentence(verdict.context, verdict.waits, node)
