"""Gives pairs to map(), for a function with two arguments."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def add(a, b):
    return a + b


if __name__ == "__main__":
    with mp.Pool(1) as pool:
        print("sums:", pool.map(add, [(1, 2), (3, 4)]))
