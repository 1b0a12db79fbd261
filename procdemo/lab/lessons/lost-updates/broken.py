"""Four processes count together, and none waits for another one."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def count(counter, gate):
    gate.wait()
    for _ in range(50_000):
        counter.value += 1  # read, add, write: three steps


if __name__ == "__main__":
    counter = mp.Value("q", 0)
    gate = mp.Barrier(4)
    counters = [mp.Process(target=count, args=(counter, gate)) for _ in range(4)]
    for process in counters:
        process.start()
    for process in counters:
        process.join()
    print(f"expected 200000, got {counter.value}")
