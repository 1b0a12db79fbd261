"""Looks at a producer's threads before and after put(), and at what a queue is made of."""

import multiprocessing
import sys
import threading

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def produce(queue):
    print(f"before put(): {[thread.name for thread in threading.enumerate()]}", flush=True)
    queue.put("item")
    print(f"after put(): {[thread.name for thread in threading.enumerate()]}", flush=True)


if __name__ == "__main__":
    queue = mp.Queue()
    for name in ("_reader", "_writer", "_rlock", "_wlock"):  # not for use: only to see them
        print(f"queue.{name}: {getattr(queue, name)}")
    producer = mp.Process(target=produce, args=(queue,))
    producer.start()
    print(f"got {queue.get()}")
    producer.join()
