"""Takes one result of imap(), and lets the Pool take only ten inputs more than we have results."""

import multiprocessing
import sys
import threading

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]
taken = 0
places = threading.Semaphore(10)
tenth = threading.Event()


def read_lines():
    global taken
    for number in range(500):  # as if from a file that is larger than the memory
        places.acquire()
        taken += 1
        if taken == 10:
            tenth.set()
        yield number


if __name__ == "__main__":
    with mp.Pool(2) as pool:
        results = pool.imap(abs, read_lines())
        next(results)
        print("one result taken")
        tenth.wait()  # meanwhile we work on that one result
        print(f"inputs taken: expected 10, got {taken}")
        places.release()  # the result is used up
        for _ in results:
            places.release()
