"""The producer waits until all is consumed, and the consumer ends with the parent."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def produce(queue):
    for number in range(3):
        queue.put(number)
    queue.join()  # until every item has had its task_done()


def consume(queue):
    while True:
        print(f"consumed {queue.get()}", flush=True)
        queue.task_done()


if __name__ == "__main__":
    queue = mp.JoinableQueue()
    producer = mp.Process(target=produce, args=(queue,))
    consumer = mp.Process(target=consume, args=(queue,), daemon=True)
    producer.start()
    consumer.start()
    producer.join()
    print("all has been produced, and consumed")
