"""Gives a lock to the workers of a Pool, when they are started."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def keep(inherited):
    global lock
    lock = inherited


def square(number):
    with lock:
        return number * number


if __name__ == "__main__":
    with mp.Pool(2, initializer=keep, initargs=(mp.Lock(),)) as pool:
        print("results:", pool.map(square, range(3)))
