"""Tries to end one task by its result."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        result = pool.apply_async(time.sleep, (60,))
        result.terminate()
        print("the task has been ended")
