"""A consumer dies at its work, and its item is never acknowledged."""

import multiprocessing
import os
import signal
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def consume(queue):
    while True:
        item = queue.get()
        print(f"works on {item}", flush=True)
        if item == 2:
            os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out
        queue.task_done()


if __name__ == "__main__":
    queue = mp.JoinableQueue()
    consumer = mp.Process(target=consume, args=(queue,), daemon=True)
    consumer.start()
    for item in (1, 2, 3):
        queue.put(item)
    queue.join()
    print("all has been consumed")
