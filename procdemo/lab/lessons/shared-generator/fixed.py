"""Two threads take numbers from the same generator, one at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor

lock = threading.Lock()
waiting = threading.Event()


def numbers():
    for number in range(4):
        waiting.wait()  # as if it read a file: meanwhile the other thread runs
        yield number


def take():
    with lock:
        return [next(shared)]


def take_too():
    waiting.set()
    return take()


shared = numbers()
with ThreadPoolExecutor(2) as pool:
    first, second = pool.submit(take), pool.submit(take_too)
print(f"numbers: expected 2, got {len(first.result() + second.result())}")
