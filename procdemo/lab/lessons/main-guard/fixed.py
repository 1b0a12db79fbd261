"""Starts a process only where it is the main programme."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def greet():
    print("child: hello")


if __name__ == "__main__":
    child = mp.Process(target=greet)
    child.start()
    child.join()
    sys.exit(child.exitcode)
