"""Takes items until there comes one that says: this was all."""

import multiprocessing

if __name__ == "__main__":
    got = []
    for number in range(200):
        queue = multiprocessing.Queue()
        queue.put(number)
        queue.put(None)  # a sentinel: no item is None
        while (item := queue.get()) is not None:
            got.append(item)
    print(f"expected 200, got {len(got)}")
