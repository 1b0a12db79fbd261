"""An executor whose workers cannot be initialized: it says so."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def connect(workers):
    with workers:
        workers.value += 1
        print(f"worker {workers.value}: connects", flush=True)
    raise ConnectionError("no such database")


if __name__ == "__main__":
    workers = mp.Value("i", 0)
    with ProcessPoolExecutor(1, mp, initializer=connect, initargs=(workers,)) as executor:
        future = executor.submit(abs, -1)
        try:
            print(f"parent: {future.result()}")
        except BrokenProcessPool as error:
            print(f"parent: BrokenProcessPool: {error}")
