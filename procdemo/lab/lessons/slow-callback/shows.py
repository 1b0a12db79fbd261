"""The callback of the first result takes its time, and the second result has to wait."""

import multiprocessing
import sys
import threading

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def task(number):
    print(f"task {number}: done", flush=True)
    return number


def callback(number):
    print(f"callback of {number}: begins")
    begun.set()
    go_on.wait()  # as if it were writing to a slow disk
    print(f"callback of {number}: ends")


if __name__ == "__main__":
    begun, go_on = threading.Event(), threading.Event()
    with mp.Pool(1) as pool:
        pool.apply_async(task, (1,), callback=callback)
        begun.wait()
        second = pool.apply_async(task, (2,))
        try:
            second.get(timeout=0.3)
        except multiprocessing.TimeoutError:
            print("result of 2: not there after 0.3 s")
        go_on.set()
        print(f"result of 2: {second.get()}, now that the callback has ended")
