"""Gives 5000 very small tasks to two workers: one by one, and a hundred at a time."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def measure(pool, chunksize):
    begin = time.perf_counter()
    total = sum(pool.imap(abs, range(5000), chunksize))
    seconds = time.perf_counter() - begin
    print(f"chunksize {chunksize}: sum {total}, {seconds * 1000:.0f} ms")
    return seconds


if __name__ == "__main__":
    ready = mp.Barrier(3)  # both workers, and we
    with mp.Pool(2, initializer=ready.wait) as pool:
        ready.wait()
        ratio = measure(pool, 1) / measure(pool, 100)
    print(f"one by one takes {ratio:.1f} times as long")
