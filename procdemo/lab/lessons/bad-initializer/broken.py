"""A Pool whose workers cannot be initialized."""

import multiprocessing
import sys
import threading

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def connect(workers):
    with workers:
        workers.value += 1
        print(f"worker {workers.value}: connects", flush=True)
    if workers.value > 2:
        threading.Event().wait()  # enough for a lesson; without this line it goes on for ever
    raise ConnectionError("no such database")


if __name__ == "__main__":
    workers = mp.Value("i", 0)
    with mp.Pool(1, initializer=connect, initargs=(workers,)) as pool:
        result = pool.apply_async(abs, (-1,))
        print(f"parent: {result.get()}")
