"""A callback raises, and the Pool waits for a thread that is no more."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def callback(number):
    print(f"callback: {1 / number}")


if __name__ == "__main__":
    with mp.Pool(1) as pool:
        for number in (2, 1, 0):
            pool.apply_async(abs, (number,), callback=callback)
        pool.close()
        pool.join()
    print("all callbacks have been called")
