"""Puts more into a queue than it is to hold."""

import multiprocessing
from queue import Full

if __name__ == "__main__":
    bounded = multiprocessing.Queue(maxsize=2)
    for number in range(2):
        bounded.put(number)
    try:
        bounded.put(2, timeout=0.1)
    except Full:
        print("maxsize=2: put(2, timeout=0.1) raises Full")
    try:
        bounded.put_nowait(2)
    except Full:
        print("maxsize=2: put_nowait(2) raises Full")
    bounded.get()
    bounded.put(2)
    print("maxsize=2: put(2) after a get() returns")

    unbounded = multiprocessing.Queue()
    for number in range(20_000):
        unbounded.put_nowait(number)
    print("no maxsize: 20000 times put_nowait(), and no Full")
    got = [unbounded.get() for _ in range(20_000)]
    print(f"no maxsize: expected 20000, got {len(got)}")
