"""A consumer that takes items for ever, and a parent that waits for its end."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def produce(queue):
    for number in range(3):
        queue.put(number)


def consume(queue):
    while True:
        print(f"consumed {queue.get()}", flush=True)


if __name__ == "__main__":
    queue = mp.Queue()
    producer = mp.Process(target=produce, args=(queue,))
    consumer = mp.Process(target=consume, args=(queue,))
    producer.start()
    consumer.start()
    producer.join()
    print("all has been produced")
    consumer.join()
