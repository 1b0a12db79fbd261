"""A consumer dies at its work; the parent notices, and knows at which item."""

import multiprocessing
import os
import signal
import sys
import threading

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def consume(queue, current):
    while True:
        item = queue.get()
        current.value = item
        print(f"works on {item}", flush=True)
        if item == 2:
            os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out
        queue.task_done()


if __name__ == "__main__":
    queue = mp.JoinableQueue()
    current = mp.Value("i", 0)
    consumer = mp.Process(target=consume, args=(queue, current), daemon=True)
    consumer.start()
    for item in (1, 2, 3):
        queue.put(item)
    joined = threading.Thread(target=queue.join, daemon=True)  # queue.join() has no time-out
    joined.start()
    while joined.is_alive() and consumer.is_alive():
        joined.join(0.05)
    if joined.is_alive():
        print(f"consumer: died with exit code {consumer.exitcode} at item {current.value}")
    else:
        print("all has been consumed")
