"""Starts its processes first, and its threads then."""

import multiprocessing
import sys
import threading

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]
lock = threading.Lock()


def keep_books(has_lock, child_started):
    with lock:
        has_lock.set()
        child_started.wait()


def report():
    with lock:
        print("child: has the lock")


if __name__ == "__main__":
    has_lock, child_started = threading.Event(), threading.Event()
    child = mp.Process(target=report)
    child.start()
    threading.Thread(target=keep_books, args=(has_lock, child_started)).start()
    has_lock.wait()
    child_started.set()
    child.join()
