"""A child wants a multiprocessing.Lock that its parent holds."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def enter(held, answer, lock):
    held.wait()  # until the parent has the lock
    answer.put(lock.acquire(timeout=0.1))


if __name__ == "__main__":
    held, answer, lock = mp.Event(), mp.SimpleQueue(), mp.Lock()
    child = mp.Process(target=enter, args=(held, answer, lock))
    child.start()
    with lock:
        held.set()
        entered = answer.get()
        print(f"the parent holds the lock, and the child got it, too: {entered}")
    child.join()
    print(f"processes kept out: expected 1, got {int(not entered)}")
