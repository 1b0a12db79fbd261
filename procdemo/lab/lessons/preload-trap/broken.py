"""Three workers write a report each; the module makes the name of the file when it is imported."""

import multiprocessing
import os
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]
name = f"report-{os.getpid()}.txt"


def tell(results):
    results.put(name)


if __name__ == "__main__":
    results = mp.SimpleQueue()
    workers = [mp.Process(target=tell, args=(results,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    names = {results.get() for _ in workers}
    print(f"different files: expected 3, got {len(names)}")
    for worker in workers:
        worker.join()
