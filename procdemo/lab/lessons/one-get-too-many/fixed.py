"""The producer says that this was all; and no wait is without end."""

import multiprocessing
import sys
from queue import Empty

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def produce(queue):
    for number in range(3):
        queue.put(number)
    queue.put(None)  # a sentinel: no item is None


if __name__ == "__main__":
    queue = mp.Queue()
    producer = mp.Process(target=produce, args=(queue,))
    producer.start()
    for item in iter(queue.get, None):
        print(f"got {item}")
    producer.join()
    try:
        queue.get(timeout=0.1)
    except Empty:
        print("one get() too many: Empty after 0.1 s")
