"""A consumer is killed while it waits for an item; another waits for its lock."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def consume(queue, started):
    started.set()
    print(f"{multiprocessing.current_process().name}: got {queue.get()}", flush=True)


if __name__ == "__main__":
    queue = mp.Queue()
    started = mp.Event()
    first = mp.Process(target=consume, args=(queue, started), name="first")
    first.start()
    started.wait()
    time.sleep(0.3)  # now it waits in get(), and has locked the queue for reading
    first.kill()
    first.join()
    print("first: killed in get()")

    second = mp.Process(target=consume, args=(queue, started), name="second")
    second.start()
    queue.put("item")
    second.join()
