"""Puts something into a queue that cannot be pickled, and waits until it is consumed."""

import multiprocessing

if __name__ == "__main__":
    queue = multiprocessing.JoinableQueue()
    queue.put(lambda: 1)
    print("put() has returned")
    queue.join()
    print("all has been consumed")
