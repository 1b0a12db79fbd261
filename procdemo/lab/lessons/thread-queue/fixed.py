"""A child puts an item into a multiprocessing.Queue, and its parent gets it."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def produce(items):
    items.put("hello")


if __name__ == "__main__":
    items = mp.Queue()
    child = mp.Process(target=produce, args=(items,))
    child.start()
    print(f"parent: got {items.get()}")
    child.join()
