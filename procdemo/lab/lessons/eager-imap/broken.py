"""Takes one result of imap(), and counts how many inputs the Pool has taken."""

import multiprocessing
import sys
import threading

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]
taken = 0
exhausted = threading.Event()


def read_lines():
    global taken
    for number in range(500):  # as if from a file that is larger than the memory
        taken += 1
        yield number
    exhausted.set()


if __name__ == "__main__":
    with mp.Pool(2) as pool:
        results = pool.imap(abs, read_lines())
        next(results)
        print("one result taken")
        exhausted.wait()  # meanwhile we work on that one result
        print(f"inputs taken: expected 10, got {taken}")
