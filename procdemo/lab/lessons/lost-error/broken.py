"""One of four tasks fails, and the program never asks."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def invert(number):
    return 1 / number


if __name__ == "__main__":
    done = []
    with mp.Pool(2) as pool:
        for number in range(4):
            pool.apply_async(invert, (number,), callback=done.append)
        pool.close()
        pool.join()
    print(f"expected 4, got {len(done)}")
