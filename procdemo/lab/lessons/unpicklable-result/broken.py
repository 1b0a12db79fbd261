"""A task returns what cannot travel."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def read():
    return open(__file__)


if __name__ == "__main__":
    with mp.Pool(1) as pool:
        print(f"first line: {pool.apply(read).readline()}")
