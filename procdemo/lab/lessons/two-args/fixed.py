"""Gives pairs to starmap(), for a function with two arguments."""

import functools
import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def add(a, b):
    return a + b


if __name__ == "__main__":
    with mp.Pool(1) as pool:
        print("sums:", pool.starmap(add, [(1, 2), (3, 4)]))
        print("one argument fixed:", pool.map(functools.partial(add, 10), [1, 2]))
