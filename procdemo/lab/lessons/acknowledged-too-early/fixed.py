"""A consumer does an item, and then says that it is done."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def consume(queue, done):
    while True:
        queue.get()
        time.sleep(0.3)  # the work
        done.value += 1
        queue.task_done()


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
