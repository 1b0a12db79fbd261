"""A child wants a threading.Lock that its parent holds."""

import multiprocessing
import sys
import threading

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]
lock = threading.Lock()


def enter(held, answer):
    held.wait()  # until the parent has the lock
    answer.put(lock.acquire(timeout=0.1))


if __name__ == "__main__":
    held, answer = mp.Event(), mp.SimpleQueue()
    child = mp.Process(target=enter, args=(held, answer))
    child.start()
    with lock:
        held.set()
        entered = answer.get()
        print(f"the parent holds the lock, and the child got it, too: {entered}")
    child.join()
    print(f"processes kept out: expected 1, got {int(not entered)}")
