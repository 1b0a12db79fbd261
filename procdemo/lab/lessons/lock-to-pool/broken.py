"""Gives a lock to the tasks of a Pool, as an argument."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def square(lock, number):
    with lock:
        return number * number


if __name__ == "__main__":
    lock = mp.Lock()
    with mp.Pool(2) as pool:
        print("results:", pool.starmap(square, [(lock, number) for number in range(3)]))
