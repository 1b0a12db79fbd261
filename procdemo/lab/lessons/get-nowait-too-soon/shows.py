"""Puts an item in and takes it out at once, 200 times."""

import multiprocessing
from queue import Empty

if __name__ == "__main__":
    queue = multiprocessing.Queue()
    too_soon = 0
    got = []
    for number in range(200):
        queue.put(number)
        try:
            got.append(queue.get_nowait())
        except Empty:
            too_soon += 1
            got.append(queue.get(timeout=10))  # waits only until it is there
    print(f"get_nowait() right after put(): Empty in {too_soon} of 200 tries")
    print(f"get(timeout=10) after Empty: expected {200}, got {len(got)}")
