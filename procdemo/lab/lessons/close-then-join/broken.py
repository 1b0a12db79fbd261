"""Joins a Pool that may still get more work."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        result = pool.apply_async(abs, (-1,))
        pool.join()  # there may be more tasks to come: this would never end
        print(f"result: {result.get()}")
