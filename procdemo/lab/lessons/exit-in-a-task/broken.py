"""A task ends its whole worker instead of itself."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def task(number):
    if number < 0:
        print(f"task: {number} is negative", flush=True)
        sys.exit(3)
    return number**0.5


if __name__ == "__main__":
    with mp.Pool(1) as pool:
        print(f"result: {pool.apply(task, (-1,))}")
