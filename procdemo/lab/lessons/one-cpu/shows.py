"""Two processes that compute, on one CPU."""

import multiprocessing
import os
import time


def compute():
    while time.process_time() < 0.2:  # seconds on the CPU, not on the clock
        pass


def seconds_for(number):
    begin = time.monotonic()
    workers = [multiprocessing.Process(target=compute) for _ in range(number)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.monotonic() - begin


if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the children inherit it
    one, two = seconds_for(1), seconds_for(2)
    print(f"one process: 0.2 s of work took {one:.2f} s")
    print(f"two processes: 0.4 s of work took {two:.2f} s, {two / one:.1f} times as long")
    print("in turns" if two >= 0.4 else "in parallel")
