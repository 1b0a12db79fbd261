"""Gives a child its argument without the comma."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def greet(name):
    print(f"hello {name}")


if __name__ == "__main__":
    child = mp.Process(group=None, target=greet, args=("Ann"))  # a string, and no tuple
    child.start()
    child.join()
    sys.exit(child.exitcode)
