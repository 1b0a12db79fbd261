"""Hands in ten tasks, and leaves when they are done."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]

if __name__ == "__main__":
    done = []
    with mp.Pool(2) as pool:
        for _ in range(10):
            pool.apply_async(time.sleep, (0.05,), callback=done.append)
        pool.close()
        pool.join()
    print(f"expected 10, got {len(done)}")
