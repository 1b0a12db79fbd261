"""Who waits for whom, in plain words: the X-ray of a family of processes that does not move.

The kernel says in which system call each thread is, and on which pipe or process; Python says on
which line. Put together they show the circle, if there is one.
"""

import linecache
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from procdemo.probe.stack_dumps import Frame, Stack
from procdemo.process.procfs import Descriptor, Thread

_WORDS = (
    ("multiprocessing/queues.py _finalize_join", "its feeder thread to write what was put"),
    ("multiprocessing/queues.py _feed, threading.py wait", "something to be put, as a queue's feeder thread"),
    ("multiprocessing/queues.py _feed", "room in the pipe, as a queue's feeder thread"),
    ("multiprocessing/queues.py put", "room in the queue, in put()"),
    (
        "multiprocessing/queues.py get, multiprocessing/synchronize.py __enter__",
        "the lock for reading, in get()",
    ),
    ("multiprocessing/queues.py get", "an item, in get() of a queue"),
    ("multiprocessing/queues.py join", "the last task_done(), in join() of a queue"),
    ("multiprocessing/pool.py _handle_results", "a result, as the pool's result handler"),
    ("multiprocessing/pool.py _handle_tasks", "a task to hand out, as the pool's task handler"),
    ("multiprocessing/pool.py _handle_workers", "the death of a worker, as the pool's worker handler"),
    ("multiprocessing/pool.py join", "the pool's threads and workers, in join() of the pool"),
    ("multiprocessing/pool.py wait", "a result of the pool"),
    ("multiprocessing/managers.py _callmethod", "an answer of the manager"),
    ("multiprocessing/connection.py accept", "a connection"),
    ("multiprocessing/connection.py recv", "a message, in recv()"),
    ("multiprocessing/connection.py send", "room in a pipe, in send()"),
    ("multiprocessing/process.py join", "a process to end, in join()"),
    ("multiprocessing/synchronize.py __enter__", "a lock"),
    ("multiprocessing/synchronize.py wait", "a signal of others"),
    ("multiprocessing/popen_fork.py poll", "a process to end"),
    ("threading.py _shutdown", "its other threads to end"),
    ("threading.py join", "another thread to end"),
    ("threading.py wait", "a signal of another thread"),
    ("concurrent/futures/thread.py _worker", "a task, as a thread of an executor"),
)
"""What a thread waits for, by the frames that say it best: the first of which all are found."""

_CALLS = {
    "read": "data",
    "recvfrom": "data from its connection",
    "write": "room in a pipe",
    "sendto": "room in its connection",
    "wait4": "a child to end",
    "waitid": "a child to end",
    "accept": "a client",
    "futex": "a lock",
    "clock_nanosleep": "time to pass",
    "poll": "one of several things",
    "epoll_wait": "one of several things",
    "select": "time to pass, or one of several things",
}
"""The same by the system call, where no frame says it."""


FORK_SERVER = "fork server"
"""Name of the process that makes the others under forkserver."""


class Process(NamedTuple):
    """A process at the moment of the picture."""

    pid: int
    parent: int
    """Its parent's PID."""
    name: str
    threads: list[Thread]
    files: Mapping[int, Descriptor]
    stacks: list[Stack]
    """One for each thread, in the order of `threads`; empty where Python did not answer."""


class _Wait(NamedTuple):
    """What a thread waits for."""

    words: str
    whom: tuple[tuple[int, int], ...] = ()
    """Threads without which it will not go on: PID and place among the threads of that process."""
    end: str = ""
    """What the first of `whom` could do and does not, if it has the other end of a pipe."""


def describe(processes: list[Process], script: str) -> Iterator[str]:
    """Yield the lines of the picture: each thread, and in the end who waits for whom.

    Args:
        processes: the family, parents first; of multiprocessing's helpers only the fork server, which
            knows who has ended.
        script: path of the lesson's file; its own lines are quoted.
    """
    family = {process.pid: process for process in processes}
    processes = [process for process in processes if process.name != FORK_SERVER]
    waits = {
        (process.pid, place): _wait(process, place, family)
        for process in processes
        for place in range(len(process.threads))
    }
    for process in processes:
        yield f"{process.name} (PID {process.pid})"
        for place, thread in enumerate(process.threads):
            state = f"{thread.state} in {thread.channel}" if thread.channel else thread.state
            yield f"  {_thread_name(place)}, state {state}: waits for {waits[process.pid, place].words}"
            for line in _quote(_stack(process, place), script):
                yield f"    {line}"
    circle = _circle(waits)
    if circle:
        yield "A circle:"
        yield from (f"  {_link(node, waits, family)}" for node in circle)
    else:
        yield f"No circle: {_conclusion(processes, waits, family)}."


def _wait(process: Process, place: int, family: Mapping[int, Process]) -> _Wait:
    thread, stack = process.threads[place], _stack(process, place)
    words = _spoken(thread, stack)
    if thread.child in family:
        return _Wait(f"{family[thread.child].name} to end", ((thread.child, 0),))
    if thread.fds:
        return _at_pipe(process, words, thread, family)
    if any(frame.function == "_finalize_join" for frame in stack):
        feeders = [n for n, other in enumerate(process.stacks) if any(f.function == "_feed" for f in other)]
        return _Wait(words, tuple((process.pid, feeder) for feeder in feeders))
    if thread.semaphore:
        return _Wait(f"{words} (semaphore {thread.semaphore})")
    return _Wait(words)


def _at_pipe(process: Process, words: str, thread: Thread, family: Mapping[int, Process]) -> _Wait:
    """Return the wait of a thread that reads or writes: for whoever has the other end."""
    use = "read" if thread.call in {"write", "sendto"} else "write"
    ends = {process.files[fd].other_end for fd in thread.fds if fd in process.files} - {""}
    holders = [
        other
        for other in family.values()
        if any(
            file.target in ends and (file.reads if use == "read" else file.writes)
            for file in other.files.values()
        )
    ]
    others = [other for other in holders if other is not process]
    servers = {other.pid for other in others if other.name == FORK_SERVER}
    if servers:  # it says who has ended: its children are whom we wait for
        others = [other for other in family.values() if other.parent in servers]
    if "a process to end" in words and others:
        names = " or ".join(other.name for other in others)
        return _Wait(f"{names} to end", tuple((other.pid, 0) for other in others))
    if not ends:
        return _Wait(words)
    if not others:
        who = "nobody but itself" if holders else "nobody"
        return _Wait(f"{words} ({who} has the end to {use})")
    return _Wait(words, tuple((other.pid, 0) for other in others), use)


def _spoken(thread: Thread, stack: Stack) -> str:
    for frames, words in _WORDS:
        if all(
            any(f"{frame.path} {frame.function}".endswith(each) for frame in stack)
            for each in frames.split(", ")
        ):
            return words
    if thread.state not in "SD":
        return {"T": "a signal to go on", "Z": "its parent to ask for it"}.get(
            thread.state, "nothing: it runs"
        )
    return _CALLS.get(thread.call, "something")


def _circle(waits: Mapping[tuple[int, int], _Wait]) -> list[tuple[int, int]]:
    """Return threads of which each waits for the next and the last for the first; none if there are none."""

    def search(path: list[tuple[int, int]]) -> list[tuple[int, int]]:
        for node in waits[path[-1]].whom:
            if node in path:
                return path[path.index(node) :]
            if node in waits and node not in done and (found := search([*path, node])):
                return found
        done.add(path[-1])
        return []

    done: set[tuple[int, int]] = set()
    return next((found for node in waits if node not in done and (found := search([node]))), [])


def _link(
    node: tuple[int, int], waits: Mapping[tuple[int, int], _Wait], family: Mapping[int, Process]
) -> str:
    wait = waits[node]
    who = family[node[0]].name + (f"'s {_thread_name(node[1])}" if node[1] else "")
    other = f" ({family[wait.whom[0][0]].name} could {wait.end}, and does not)" if wait.end else ""
    return f"{who} waits for {wait.words}{other}"


def _conclusion(
    processes: list[Process], waits: Mapping[tuple[int, int], _Wait], family: Mapping[int, Process]
) -> str:
    main = processes[0]
    running = [p.name for p in processes if any(thread.state == "R" for thread in p.threads)]
    if running:
        return f"{' and '.join(running)} could go on, and does not come to an end"
    wish = f"{main.name} waits for {waits[main.pid, 0].words}"
    locks = [(family[pid], wait.words) for (pid, _), wait in waits.items() if "lock" in wait.words]
    if locks:
        who, lock = locks[-1]
        other = f"; {who.name} waits for {lock}" if who is not main else ""
        return f"{wish}{other}, and whoever has that is gone or waits, too"
    at_pool = {
        function for process in processes for stack in process.stacks for function in _functions(stack)
    }
    if "_handle_workers" in at_pool and "_handle_results" not in at_pool:
        return f"{wish}; the pool's result handler, the thread that reads results, is gone"
    if "_handle_workers" in at_pool:
        return f"{wish}, and every worker waits for work: nobody has that task any more"
    return f"{wish}, and nobody is left who would bring it"


def _functions(stack: Stack) -> set[str]:
    return {frame.function for frame in stack if frame.file == "multiprocessing/pool.py"}


def _quote(stack: Stack, script: str) -> Iterator[str]:
    """Yield the lesson's own line, and what it called last."""
    own = next((frame for frame in stack if frame.path == script), None)
    if own:
        yield f"{own}: {linecache.getline(own.path, own.line).strip()}"
    if stack and stack[0] is not own:
        yield f"{stack[0].file}:{stack[0].line} {stack[0].function}"


def _stack(process: Process, place: int) -> list[Frame]:
    return process.stacks[place] if place < len(process.stacks) else []


def _thread_name(place: int) -> str:
    return f"thread {place + 1}" if place else "main thread"
