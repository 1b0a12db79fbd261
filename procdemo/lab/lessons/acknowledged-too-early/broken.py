"""A consumer says that an item is done, and then does it."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def consume(queue, done):
    while True:
        queue.get()
        queue.task_done()
        time.sleep(0.3)  # the work
        done.value += 1


if __name__ == "__main__":
    queue = mp.JoinableQueue()
    done = mp.Value("i", 0)
    consumer = mp.Process(target=consume, args=(queue, done), daemon=True)
    consumer.start()
    for number in range(2):
        queue.put(number)
    queue.join()
    consumer.terminate()  # as happens to a daemon when its parent ends
    consumer.join()
    print(f"expected 2, got {done.value}")
