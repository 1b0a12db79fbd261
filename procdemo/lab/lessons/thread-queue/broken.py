"""A child puts an item into a queue.Queue, and its parent wants to get it."""

import multiprocessing
import queue
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def produce(items):
    items.put("hello")
    print(f"child: has put {items.qsize()} item", flush=True)


if __name__ == "__main__":
    items = queue.Queue()
    child = mp.Process(target=produce, args=(items,))
    child.start()
    child.join()
    print(f"parent: sees {items.qsize()} items", flush=True)
    print(f"parent: got {items.get()}")
