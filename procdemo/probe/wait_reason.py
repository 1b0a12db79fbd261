"""What a thread waits for, in words: by its stack, else by its state, else by its system call."""

from functools import lru_cache

from procdemo.probe.stack_dumps import Frame, Stack
from procdemo.process.procfs import Thread

A_LOCK = "a lock"
ROOM = "room in the queue, in put()"
BARRIER = "the others, at a barrier"
JOIN = "another thread to end"
LOOP = "an event, as an event loop"
_BY_FRAMES = (
    ("multiprocessing/queues.py _finalize_join", "its feeder thread to write what was put"),
    ("multiprocessing/queues.py _feed, threading.py wait", "something to be put, as a queue's feeder thread"),
    ("multiprocessing/queues.py _feed", "room in the pipe, as a queue's feeder thread"),
    ("multiprocessing/queues.py put", ROOM),
    ("multiprocessing/pool.py worker, multiprocessing/queues.py get", "a task, as a worker of the pool"),
    (
        "concurrent/futures/process.py _process_worker, multiprocessing/queues.py get",
        "a task, as a worker of the executor",
    ),
    (
        "concurrent/futures/process.py wait_result_broken_or_wakeup",
        "a result, as the executor's manager thread",
    ),
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
    ("multiprocessing/managers.py accepter", "a client, as the manager"),
    (
        "multiprocessing/managers.py serve_client, multiprocessing/connection.py recv",
        "a request, as the manager",
    ),
    ("multiprocessing/managers.py serve_forever", "its end, as the manager"),
    ("multiprocessing/managers.py _callmethod", "an answer of the manager"),
    ("multiprocessing/connection.py accept", "a connection"),
    ("multiprocessing/connection.py recv", "a message, in recv()"),
    ("multiprocessing/connection.py send", "room in a pipe, in send()"),
    ("multiprocessing/process.py join", "a process to end, in join()"),
    ("multiprocessing/synchronize.py __enter__", A_LOCK),
    ("threading.py _wait, multiprocessing/synchronize.py wait", BARRIER),
    ("multiprocessing/synchronize.py wait", "a signal of others"),
    ("multiprocessing/popen_fork.py poll", "a process to end"),
    ("subprocess.py communicate", "what its child writes, in communicate()"),
    ("subprocess.py wait", "a process to end, in wait()"),
    ("threading.py _shutdown", "its other threads to end"),
    ("threading.py join", JOIN),
    ("concurrent/futures/_base.py result", "a result of an executor, in result()"),
    ("threading.py _wait, threading.py wait", BARRIER),
    ("python{version}/queue.py get", "an item, in get() of a thread's queue"),
    ("python{version}/queue.py put", "room in a thread's queue, in put()"),
    ("python{version}/queue.py join", "the last task_done(), in join() of a thread's queue"),
    ("threading.py wait", "a signal of another thread"),
    ("asyncio/base_events.py _run_once, python{version}/selectors.py select", LOOP),
)
_IDLE_BY_FRAMES = (("concurrent/futures/thread.py _worker", "a task, as a thread of an executor"),)
"""The same, if this is the innermost function of Python."""
"""What a thread waits for: the words after the first list of frames that are all on its stack."""

_BY_CALL = {
    "read": "data",
    "recvfrom": "data from its connection",
    "write": "room in a pipe",
    "sendto": "room in its connection",
    "wait4": "a child to end",
    "waitid": "a child to end",
    "accept": "a client",
    "futex": A_LOCK,
    "clock_nanosleep": "time to pass",
    "poll": "one of several things",
    "epoll_wait": "one of several things",
    "select": "time to pass, or one of several things",
}
"""The same by the name of the system call, if no frame says it."""


def by_frames(stack: Stack) -> str:
    """Return what a thread waits for, if its stack says it; otherwise an empty text."""
    return _by_frames(tuple(stack))


@lru_cache(1024)  # of a hundred workers all have the same stack
def _by_frames(stack: tuple[Frame, ...]) -> str:
    for frames, words in _BY_FRAMES:
        if all(any(_is(frame, each) for frame in stack) for each in frames.split(", ")):
            return words
    return next((words for frame, words in _IDLE_BY_FRAMES if stack and _is(stack[0], frame)), "")


def of(thread: Thread, stack: Stack) -> str:
    """Return what a thread waits for, as it goes on after *waits for*."""
    if words := by_frames(stack):
        return words
    if thread.state not in "SD":
        return {"T": "a signal to go on", "Z": "its parent to ask for it"}.get(
            thread.state, "nothing: it runs"
        )
    return _BY_CALL.get(thread.call, "something")


def _is(frame: Frame, which: str) -> bool:
    """Return whether a frame is this function of this file, e.g. ``threading.py wait``."""
    if "{version}" in which:  # a name that other files may have, too: that of the standard library
        folder, _, rest = which.partition("{version}")
        path, _, name = frame.path.rpartition("/")
        last = path.rpartition("/")[2]
        return last.startswith(folder) and f"/{name} {frame.function}" == rest
    return f"{frame.path} {frame.function}".endswith(which)
