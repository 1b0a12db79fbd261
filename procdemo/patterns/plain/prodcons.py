"""Producers, a bounded queue, consumers: every bun is eaten, and it ends."""

import multiprocessing
import time


def produce(name, queue, buns):
    for bun in buns:
        queue.put(bun)  # waits while the queue is full
        print(f"{name} has made bun {bun}", flush=True)
    queue.join()  # waits until all buns are acknowledged


def consume(name, queue, eaten):
    while True:
        bun = queue.get()  # waits while the queue is empty
        time.sleep(0.05)  # the work
        print(f"{name} has eaten bun {bun}", flush=True)
        with eaten.get_lock():  # += is three steps: read, add, write
            eaten.value += 1
        # After the work, not before it: the last call ends the join() above, so
        # main ends, and this process with it.
        queue.task_done()


if __name__ == "__main__":
    queue = multiprocessing.JoinableQueue(3)  # room for three
    eaten = multiprocessing.Value("i", 0)
    producers = []
    for number in range(2):
        args = (f"producer-{number}", queue, range(number, 10, 2))
        producers.append(multiprocessing.Process(target=produce, args=args))
        args = (f"consumer-{number}", queue, eaten)
        # A consumer never ends by itself. As a daemon it ends with main.
        multiprocessing.Process(target=consume, args=args, daemon=True).start()
    for producer in producers:
        producer.start()
    for producer in producers:
        producer.join()
    print(f"expected 10, got {eaten.value}")
