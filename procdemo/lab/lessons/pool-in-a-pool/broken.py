"""A task wants to start a Pool of its own."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def table(number):
    with mp.Pool(2) as pool:
        return pool.starmap(pow, [(number, power) for power in range(3)])


if __name__ == "__main__":
    with mp.Pool(2) as pool:
        print(pool.map(table, [2, 3]))
