"""A fast producer and a slow consumer, with and without a bound between them."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def consume(queue):
    for _ in iter(queue.get, None):
        time.sleep(0.01)


def run(maxsize):
    queue = mp.Queue(maxsize)
    consumer = mp.Process(target=consume, args=(queue,))
    consumer.start()
    depths = []
    for number in range(20):
        queue.put(number)
        depths.append(queue.qsize())
    queue.put(None)
    consumer.join()
    return depths


if __name__ == "__main__":
    print(f"maxsize 3: depth {run(3)}")
    print(f"no bound: depth {run(0)}")
