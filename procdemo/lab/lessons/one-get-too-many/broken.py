"""Waits for a fourth item, and there are three."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def produce(queue):
    for number in range(3):
        queue.put(number)


if __name__ == "__main__":
    queue = mp.Queue()
    producer = mp.Process(target=produce, args=(queue,))
    producer.start()
    while True:
        print(f"got {queue.get()}")
