"""Three producers and three consumers share a queue."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def produce(queue, name):
    for number in range(100):
        queue.put((name, number))


def consume(queue, taken):
    taken.put(list(iter(queue.get, None)))


if __name__ == "__main__":
    queue, taken = mp.Queue(), mp.Queue()
    producers = [mp.Process(target=produce, args=(queue, name)) for name in "ABC"]
    consumers = [mp.Process(target=consume, args=(queue, taken)) for _ in range(3)]
    for process in producers + consumers:
        process.start()
    for process in producers:
        process.join()
    for _ in consumers:
        queue.put(None)  # one sentinel each
    items = [item for _ in consumers for item in taken.get()]
    for process in consumers:
        process.join()
    print(f"items: expected 300, got {len(items)}")
    print(f"different items: expected 300, got {len(set(items))}")
