"""Puts a shared list into a shared dictionary."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]

if __name__ == "__main__":
    with mp.Manager() as manager:
        shared = manager.dict(numbers=manager.list())
        for number in range(10):
            shared["numbers"].append(number)
        print(f"expected 10, got {len(shared['numbers'])}")
