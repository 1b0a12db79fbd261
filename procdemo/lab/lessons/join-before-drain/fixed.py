"""Takes all items first, and joins then."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def produce(queue):
    for number in range(20_000):
        queue.put(number)


if __name__ == "__main__":
    queue = mp.Queue()
    producer = mp.Process(target=produce, args=(queue,))
    producer.start()
    got = [queue.get() for _ in range(20_000)]
    producer.join()
    print(f"expected 20000, got {len(got)}")
