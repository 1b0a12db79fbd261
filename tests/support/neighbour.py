"""A busy neighbour: another Python program on the same machine, which no test may be disturbed by or blame.

    python tests/support/neighbour.py        (until Ctrl-C, SIGTERM or the end of its stdin)

It keeps every CPU busy. Again and again it makes and drops semaphores and shared memory of multiprocessing,
starts Pythons, leaves zombies for a moment and binds ports of loopback. When it ends, all of that is gone.
"""

import multiprocessing
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from multiprocessing import shared_memory

_TURN_S = 0.2  # how long each thing is kept


def compute() -> None:
    """Use a CPU until killed."""
    while True:
        sum(range(10_000))


def semaphores(turn_s: float) -> None:
    """Make what has names in /dev/shm, keep it, and drop it."""
    context = multiprocessing.get_context("spawn")
    kept = [context.Lock(), context.Semaphore(3), context.Queue(), context.Condition()]
    memory = shared_memory.SharedMemory(create=True, size=4096)
    time.sleep(turn_s)  # noqa: TID251 - how long it is kept
    del kept
    memory.close()
    memory.unlink()


def zombie(turn_s: float) -> None:
    """Have a child that has ended and is waited for only later."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    time.sleep(turn_s)  # noqa: TID251 - how long it is kept
    os.waitpid(pid, 0)


def port(turn_s: float) -> None:
    """Listen on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)):
        time.sleep(turn_s)  # noqa: TID251 - how long it is kept


def python(turn_s: float) -> None:
    """Run another interpreter with children of its own."""
    start = f"p = multiprocessing.Process(target=time.sleep, args=({turn_s},)); p.start(); p.join()"
    code = f"import multiprocessing, time; {start}"
    subprocess.run([sys.executable, "-c", code], check=False, stderr=subprocess.DEVNULL)


def main() -> None:
    """Be a neighbour."""
    burners = [multiprocessing.Process(target=compute, daemon=True) for _ in range(os.cpu_count() or 1)]
    for burner in burners:
        burner.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"neighbour {os.getpid()}", flush=True)
    try:
        while not select.select([0], [], [], 0)[0] or os.read(0, 1):
            for act in random.sample([semaphores, zombie, port, python], 4):
                act(_TURN_S)
    except KeyboardInterrupt:
        pass
    finally:
        for burner in burners:
            burner.kill()
            burner.join()


if __name__ == "__main__":
    main()
