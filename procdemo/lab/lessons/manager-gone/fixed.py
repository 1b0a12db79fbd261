"""A function makes a shared list, and its caller keeps the Manager."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def make_list(manager):
    return manager.list([1, 2, 3])


if __name__ == "__main__":
    with mp.Manager() as manager:
        numbers = make_list(manager)
        print("numbers:", list(numbers))
