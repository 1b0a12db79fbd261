"""A worker is killed in the middle of its task."""

import multiprocessing
import os
import signal
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def task():
    print(f"worker {os.getpid()}: killed at its task", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out


if __name__ == "__main__":
    with mp.Pool(1) as pool:
        result = pool.apply_async(task)
        print(f"result: {result.get()}")
