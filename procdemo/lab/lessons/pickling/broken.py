"""Starts a process with a function that has no name."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]

if __name__ == "__main__":
    child = mp.Process(target=lambda: print("child: here"))
    child.start()
    child.join()
    print(f"exit code {child.exitcode}")
