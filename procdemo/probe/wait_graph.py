"""The wait-for graph of some processes that hang, in plain words: which thread waits for which, and why.

The kernel says in which system call each thread is, and for which pipe or process it waits; Python says in
which line. Both together show the circle of threads that wait for each other, if there is one.
"""

import linecache
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from procdemo.probe.stack_dumps import Frame, Stack
from procdemo.process.procfs import Descriptor, Thread

_BY_FRAMES = (
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
"""What a thread waits for: the words after the first list of frames that are all on its stack."""

_BY_CALL = {
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
"""The same by the name of the system call, if no frame says it."""

FORK_SERVER = "fork server"
"""Name of the process that starts the others under forkserver."""


Node = tuple[int, int]
"""A thread: the PID of its process, and its index among the threads of that process."""


class Process(NamedTuple):
    """A process at the moment of the picture."""

    pid: int
    parent: int
    """Its parent's PID."""
    name: str
    threads: list[Thread]
    files: Mapping[int, Descriptor]
    stacks: list[Stack]
    """One for each thread, in the order of `threads`; empty if Python did not answer."""


class _Wait(NamedTuple):
    """What a thread waits for."""

    words: str
    targets: tuple[Node, ...] = ()
    """The threads that it waits for."""
    use: str = ""
    """``read`` or ``write``: what the first target could do at the other end of a pipe, and does not."""


def describe(processes: list[Process], script: str) -> Iterator[str]:
    """Yield the lines of the picture: each thread with what it waits for, and at last the circle.

    Args:
        processes: parents first; of multiprocessing's helpers only the fork server, because it
            reports the end of its children.
        script: the path of the script; its own lines are quoted.
    """
    by_pid = {process.pid: process for process in processes}
    processes = [process for process in processes if process.name != FORK_SERVER]
    waits = {
        (process.pid, index): _wait(process, index, by_pid)
        for process in processes
        for index in range(len(process.threads))
    }
    for process in processes:
        yield f"{process.name} (PID {process.pid})"
        for index, thread in enumerate(process.threads):
            state = f"{thread.state} in {thread.channel}" if thread.channel else thread.state
            yield f"  {_thread_name(index)}, state {state}: waits for {waits[process.pid, index].words}"
            for line in _quote(_stack(process, index), script):
                yield f"    {line}"
    circle = _find_circle(waits)
    if circle:
        yield "A circle:"
        yield from (f"  {_sentence(node, waits, by_pid)}" for node in circle)
    else:
        yield f"No circle: {_why_no_circle(processes, waits, by_pid)}."


def _wait(process: Process, index: int, by_pid: Mapping[int, Process]) -> _Wait:
    thread, stack = process.threads[index], _stack(process, index)
    words = _words(thread, stack)
    if thread.child in by_pid:
        return _Wait(f"{by_pid[thread.child].name} to end", ((thread.child, 0),))
    if thread.fds:
        return _wait_at_pipe(process, words, thread, by_pid)
    if any(frame.function == "_finalize_join" for frame in stack):
        feeders = [n for n, other in enumerate(process.stacks) if any(f.function == "_feed" for f in other)]
        return _Wait(words, tuple((process.pid, feeder) for feeder in feeders))
    if thread.semaphore:
        return _Wait(f"{words} (semaphore {thread.semaphore})")
    return _Wait(words)


def _wait_at_pipe(process: Process, words: str, thread: Thread, by_pid: Mapping[int, Process]) -> _Wait:
    """Return the wait of a thread that reads or writes: for the processes that have the other end."""
    use = "read" if thread.call in {"write", "sendto"} else "write"
    ends = {process.files[fd].other_end for fd in thread.fds if fd in process.files} - {""}
    holders = [
        other
        for other in by_pid.values()
        if any(
            file.target in ends and (file.reads if use == "read" else file.writes)
            for file in other.files.values()
        )
    ]
    others = [other for other in holders if other is not process]
    servers = {other.pid for other in others if other.name == FORK_SERVER}
    if servers:  # the fork server only reports the end of its children: the wait is for them
        others = [other for other in by_pid.values() if other.parent in servers]
    if "a process to end" in words and others:
        names = " or ".join(other.name for other in others)
        return _Wait(f"{names} to end", tuple((other.pid, 0) for other in others))
    if not ends:
        return _Wait(words)
    if not others:
        holder = "nobody but itself" if holders else "nobody"
        return _Wait(f"{words} ({holder} has the end to {use})")
    return _Wait(words, tuple((other.pid, 0) for other in others), use)


def _words(thread: Thread, stack: Stack) -> str:
    """Return in words what a thread waits for, by its stack, else by its state, else by its system call."""
    for frames, words in _BY_FRAMES:
        if all(
            any(f"{frame.path} {frame.function}".endswith(each) for frame in stack)
            for each in frames.split(", ")
        ):
            return words
    if thread.state not in "SD":
        return {"T": "a signal to go on", "Z": "its parent to ask for it"}.get(
            thread.state, "nothing: it runs"
        )
    return _BY_CALL.get(thread.call, "something")


def _find_circle(waits: Mapping[Node, _Wait]) -> list[Node]:
    """Return threads of which each waits for the next, and the last for the first; [] if there are none."""

    def search(path: list[Node]) -> list[Node]:
        for node in waits[path[-1]].targets:
            if node in path:
                return path[path.index(node) :]
            if node in waits and node not in done and (found := search([*path, node])):
                return found
        done.add(path[-1])
        return []

    done: set[Node] = set()
    return next((found for node in waits if node not in done and (found := search([node]))), [])


def _sentence(node: Node, waits: Mapping[Node, _Wait], by_pid: Mapping[int, Process]) -> str:
    """Return the sentence about one thread of a circle."""
    pid, index = node
    wait = waits[node]
    name = by_pid[pid].name + (f"'s {_thread_name(index)}" if index else "")
    other = f" ({by_pid[wait.targets[0][0]].name} could {wait.use}, and does not)" if wait.use else ""
    return f"{name} waits for {wait.words}{other}"


def _why_no_circle(
    processes: list[Process], waits: Mapping[Node, _Wait], by_pid: Mapping[int, Process]
) -> str:
    """Return the sentence about processes that hang though no threads wait in a circle."""
    main = processes[0]
    running = [p.name for p in processes if any(thread.state == "R" for thread in p.threads)]
    if running:
        return f"{' and '.join(running)} could go on, and does not come to an end"
    main_waits = f"{main.name} waits for {waits[main.pid, 0].words}"
    locks = [(by_pid[pid], wait.words) for (pid, _), wait in waits.items() if "lock" in wait.words]
    if locks:
        process, lock = locks[-1]
        other = f"; {process.name} waits for {lock}" if process is not main else ""
        return f"{main_waits}{other}, and the process that has it is gone or waits, too"
    in_pool = {
        function for process in processes for stack in process.stacks for function in _pool_functions(stack)
    }
    if "_handle_workers" in in_pool and "_handle_results" not in in_pool:
        return f"{main_waits}; the pool's result handler, the thread that reads results, is gone"
    if "_handle_workers" in in_pool:
        return f"{main_waits}, and every worker waits for work: nobody has that task any more"
    return f"{main_waits}, and nobody is left who would bring it"


def _pool_functions(stack: Stack) -> set[str]:
    return {frame.function for frame in stack if frame.file == "multiprocessing/pool.py"}


def _quote(stack: Stack, script: str) -> Iterator[str]:
    """Yield the innermost line of the script, and the innermost line of all if that is another one."""
    own = next((frame for frame in stack if frame.path == script), None)
    if own:
        yield f"{own}: {linecache.getline(own.path, own.line).strip()}"
    if stack and stack[0] is not own:
        yield f"{stack[0].file}:{stack[0].line} {stack[0].function}"


def _stack(process: Process, index: int) -> list[Frame]:
    return process.stacks[index] if index < len(process.stacks) else []


def _thread_name(index: int) -> str:
    return f"thread {index + 1}" if index else "main thread"
