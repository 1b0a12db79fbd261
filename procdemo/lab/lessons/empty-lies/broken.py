"""Takes items as long as the queue is not empty, or says so."""

import multiprocessing

if __name__ == "__main__":
    got = []
    for number in range(200):
        queue = multiprocessing.Queue()
        queue.put(number)
        while not queue.empty():
            got.append(queue.get())
    print(f"expected 200, got {len(got)}")
