"""The child gets as an argument what it needs to know."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def sell(price):
    print(f"price: expected 100, got {price}")


if __name__ == "__main__":
    child = mp.Process(target=sell, args=(100,))
    child.start()
    child.join()
