"""A worker is killed in the middle of its task, and its boss is told."""

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def task():
    print(f"worker {os.getpid()}: killed at its task", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out


if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=mp) as executor:
        future = executor.submit(task)
        try:
            print(f"result: {future.result()}")
        except BrokenProcessPool as error:
            print(f"BrokenProcessPool: {error}")
