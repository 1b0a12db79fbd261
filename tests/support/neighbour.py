"""A busy neighbour: another Python program on the same machine, which no test may be disturbed by or blame.

    python tests/support/neighbour.py        (until Ctrl-C, SIGTERM or the end of its parent)

It keeps every CPU busy. Again and again it makes semaphores and shared memory of multiprocessing, and drops
the oldest; starts Pythons; leaves a zombie for a moment; binds a port of loopback. When it ends, all is gone.
"""

import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import time
from multiprocessing import shared_memory

_TURN_S = 0.2  # how long a zombie, a port and a Python are kept
_KEPT = 10  # rounds that semaphores and shared memory are kept: longer than a test waits for names to go


def compute(parent: int) -> None:
    """Use a CPU until killed."""
    while os.getppid() == parent:
        sum(range(10_000))


class Named:
    """What has names in /dev/shm."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._semaphores = [context.Lock(), context.Semaphore(3), context.Queue(), context.Condition()]
        self._memory = shared_memory.SharedMemory(create=True, size=4096)

    def drop(self) -> None:
        """Remove the names."""
        self._semaphores.clear()
        self._memory.close()
        self._memory.unlink()


def zombie() -> None:
    """Have a child that has ended and is waited for only later."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    time.sleep(_TURN_S)  # noqa: TID251 - how long it is kept
    os.waitpid(pid, 0)


def port() -> None:
    """Listen on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)):
        time.sleep(_TURN_S)  # noqa: TID251 - how long it is kept


def python() -> None:
    """Run another interpreter with a child of its own."""
    start = f"p = multiprocessing.Process(target=time.sleep, args=({_TURN_S},)); p.start(); p.join()"
    code = f"import multiprocessing, time; {start}"
    subprocess.run([sys.executable, "-c", code], check=False, stderr=subprocess.DEVNULL)


def main() -> None:
    """Be a neighbour."""
    signals: list[int] = []
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda signum, _: signals.append(signum))  # what was begun is dropped first
    fork, parent = multiprocessing.get_context("fork"), os.getppid()
    burners = [fork.Process(target=compute, args=(os.getpid(),)) for _ in range(os.cpu_count() or 1)]
    for burner in burners:
        burner.start()
    print(f"neighbour {os.getpid()}", flush=True)
    kept: list[Named] = []
    while not signals and os.getppid() == parent:
        kept.append(Named())
        if len(kept) > _KEPT:
            kept.pop(0).drop()
        for act in random.sample([zombie, port, python], 3):
            act()
    for named in kept:
        named.drop()
    for burner in burners:
        burner.kill()
        burner.join()


if __name__ == "__main__":
    main()
