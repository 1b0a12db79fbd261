"""Gives a child its argument in a tuple: it is the comma that makes it one."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def greet(name):
    print(f"hello {name}")


if __name__ == "__main__":
    child = mp.Process(group=None, target=greet, args=("Ann",))
    child.start()
    child.join()
    sys.exit(child.exitcode)
