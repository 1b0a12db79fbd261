"""A task of an executor never ends; the program wants to go on without it."""

import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def never_end():
    threading.Event().wait()


if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, mp_context=mp)
    future = pool.submit(never_end)
    try:
        future.result(timeout=0.2)
    except TimeoutError:
        print("it takes too long", flush=True)
    print("cancelled:", future.cancel(), flush=True)
    pool.shutdown(wait=False, cancel_futures=True)
    print("main is at its end", flush=True)
