"""Wants to stop a task of an executor that takes too long."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def keep(*events):
    global begun, may_end
    begun, may_end = events


def work():
    begun.set()
    may_end.wait()  # stands for work that takes long
    return "the task has done its work"


if __name__ == "__main__":
    events = mp.Event(), mp.Event()
    with ProcessPoolExecutor(1, mp, initializer=keep, initargs=events) as executor:
        future = executor.submit(work)
        events[0].wait()  # the task has begun
        try:
            future.result(timeout=0.1)
        except TimeoutError:
            print("no result in time")
        print(f"cancel() says {future.cancel()}, running() says {future.running()}")
        events[1].set()
    print(f"later: {future.result()}")
    print(f"tasks stopped: expected 1, got {int(future.cancelled())}")
