"""A task of an executor never ends; the program kills the worker that has it."""

import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def never_end():
    threading.Event().wait()


if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, mp_context=mp)
    future = pool.submit(never_end)
    try:
        future.result(timeout=0.2)
    except TimeoutError:
        print("it takes too long", flush=True)
    if hasattr(pool, "kill_workers"):
        pool.kill_workers()  # or terminate_workers(): by SIGTERM
    else:  # older than Python 3.14: by a private name
        for worker in list(pool._processes.values()):
            worker.kill()
        pool.shutdown()
    print("failed:", type(future.exception()).__name__)
