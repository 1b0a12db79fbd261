"""Joins a process that has more to say than a pipe can hold."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def produce(queue):
    for number in range(20_000):
        queue.put(number)


if __name__ == "__main__":
    queue = mp.Queue()
    producer = mp.Process(target=produce, args=(queue,))
    producer.start()
    producer.join()  # it cannot end before its items are taken
    got = [queue.get() for _ in range(20_000)]
    print(f"expected 20000, got {len(got)}")
