"""What a thread waits for, in words: by its stack, else by its state, else by its system call."""

from procdemo.probe.stack_dumps import Stack
from procdemo.process.procfs import Thread

A_LOCK = "a lock"
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
    ("multiprocessing/synchronize.py __enter__", A_LOCK),
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
    "futex": A_LOCK,
    "clock_nanosleep": "time to pass",
    "poll": "one of several things",
    "epoll_wait": "one of several things",
    "select": "time to pass, or one of several things",
}
"""The same by the name of the system call, if no frame says it."""


def of(thread: Thread, stack: Stack) -> str:
    """Return what a thread waits for, as it goes on after *waits for*."""
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
