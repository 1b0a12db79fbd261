"""Ends all workers of the Pool, and with them the task."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]

if __name__ == "__main__":
    pool = mp.Pool(1)
    result = pool.apply_async(time.sleep, (60,))
    pool.terminate()
    pool.join()
    print(f"the pool has been ended, workers left: {len(mp.active_children())}")
    print(f"the task: ready() is {result.ready()}, and it will never be")
