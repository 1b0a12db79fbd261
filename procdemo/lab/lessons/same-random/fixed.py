"""Three workers throw dice, each its own."""

import multiprocessing
import random
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]
dice = random.Random()


def throw(results):
    dice.seed()  # from the system's randomness
    results.put([dice.randint(1, 6) for _ in range(20)])


if __name__ == "__main__":
    results = mp.SimpleQueue()
    workers = [mp.Process(target=throw, args=(results,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    throws = [results.get() for _ in workers]
    for numbers in throws:
        print(*numbers)
    print(f"different rows: expected 3, got {len(set(map(tuple, throws)))}")
    for worker in workers:
        worker.join()
