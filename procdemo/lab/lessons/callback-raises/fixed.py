"""A callback deals with its own errors."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def callback(number):
    try:
        print(f"callback: {1 / number}")
    except ZeroDivisionError as error:
        print(f"callback: {error}")


if __name__ == "__main__":
    with mp.Pool(1) as pool:
        for number in (2, 1, 0):
            pool.apply_async(abs, (number,), callback=callback)
        pool.close()
        pool.join()
    print("all callbacks have been called")
