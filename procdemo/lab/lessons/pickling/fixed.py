"""Starts a process with a function that it can find by name."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def greet():
    print("child: here")


if __name__ == "__main__":
    child = mp.Process(target=greet)
    child.start()
    child.join()
    print(f"exit code {child.exitcode}")
