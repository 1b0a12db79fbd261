"""Gives four tasks to two workers, first with apply(), then with apply_async()."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def task():
    begin = time.monotonic()
    time.sleep(0.1)
    return begin, time.monotonic()


def report(name, begin, times):
    together = max(sum(b <= moment < e for b, e in times) for moment, _ in times)
    print(f"{name}: {time.monotonic() - begin:.1f} s, {together} at a time")


if __name__ == "__main__":
    ready = mp.Barrier(3)  # both workers, and we
    with mp.Pool(2, initializer=ready.wait) as pool:
        ready.wait()
        begin = time.monotonic()
        times = [pool.apply(task) for _ in range(4)]
        report("apply", begin, times)

        begin = time.monotonic()
        results = [pool.apply_async(task) for _ in range(4)]
        times = [result.get() for result in results]
        report("apply_async", begin, times)
