"""Says that there is no more work, and joins then."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        result = pool.apply_async(abs, (-1,))
        pool.close()
        try:
            pool.apply_async(abs, (-2,))
        except ValueError as error:
            print(f"more work: ValueError: {error}")
        pool.join()  # until the tasks are done and the workers have ended
        print(f"result: {result.get()}")
