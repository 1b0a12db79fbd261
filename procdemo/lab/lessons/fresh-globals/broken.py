"""The parent sets a global, and the child is to use it."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]
price = 0


def sell():
    print(f"price: expected 100, got {price}")


if __name__ == "__main__":
    price = 100
    child = mp.Process(target=sell)
    child.start()
    child.join()
