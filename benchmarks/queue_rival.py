"""A bare loop over a JoinableQueue, to measure `procdemo prodcons` against.

    python benchmarks/queue_rival.py ITEMS PRODUCERS CONSUMERS MAXSIZE

Prints items per second, from the start of the producers to their end.
"""

import multiprocessing
import sys
import time


def produce(number, producers, items, queue):
    for item in range(number, items, producers):
        queue.put(item)
    queue.join()


def consume(queue):
    while True:
        queue.get()
        queue.task_done()


def main(items, producers, consumers, maxsize):
    queue = multiprocessing.JoinableQueue(maxsize)
    consumer_processes = [
        multiprocessing.Process(target=consume, args=(queue,), daemon=True) for _ in range(consumers)
    ]
    producer_processes = [
        multiprocessing.Process(target=produce, args=(n, producers, items, queue)) for n in range(producers)
    ]
    for process in consumer_processes:
        process.start()
    before = time.perf_counter()
    for process in producer_processes:
        process.start()
    for process in producer_processes:
        process.join()
    print(items / (time.perf_counter() - before))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
