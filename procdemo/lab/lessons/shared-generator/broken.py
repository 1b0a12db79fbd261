"""Two threads take numbers from the same generator."""

import threading
from concurrent.futures import ThreadPoolExecutor

in_it, both = threading.Event(), threading.Event()


def numbers():
    for number in range(4):
        in_it.set()
        both.wait()  # as if it read a file: meanwhile the other thread runs
        yield number


def take():
    in_it.wait()
    try:
        return [next(shared)]
    except ValueError as error:
        print("thread 2:", error)
        return []
    finally:
        both.set()


shared = numbers()
with ThreadPoolExecutor(2) as pool:
    first = pool.submit(lambda: [next(shared)])
    second = pool.submit(take)
print(f"numbers: expected 2, got {len(first.result() + second.result())}")
