"""A function makes a shared list, and returns it when its Manager has ended."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def make_list():
    with mp.Manager() as manager:
        return manager.list([1, 2, 3])


if __name__ == "__main__":
    numbers = make_list()
    print("numbers:", list(numbers))
