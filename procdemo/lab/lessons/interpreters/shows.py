"""A counter, changed in a thread, and in an interpreter of its own in the same process."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

try:
    from concurrent.futures import InterpreterPoolExecutor
except ImportError:
    InterpreterPoolExecutor = None

counter = [0]


def count():
    counter[0] += 1
    return counter[0], os.getpid()


if __name__ == "__main__":
    with ThreadPoolExecutor(1) as pool:
        pool.submit(count).result()
    print(f"a thread has counted: main sees {counter[0]}")
    if InterpreterPoolExecutor is None:
        print(f"Python {sys.version_info[0]}.{sys.version_info[1]} has no InterpreterPoolExecutor: 3.14 has")
    else:
        began = time.perf_counter()
        with InterpreterPoolExecutor(1) as pool:
            own, pid = pool.submit(count).result()
            took = time.perf_counter() - began
        print(f"an interpreter has counted to {own} by itself: main still sees {counter[0]}")
        print(f"in the same process: {pid == os.getpid()}; start and answer took {took * 1000:.0f} ms")
