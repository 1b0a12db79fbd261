"""All tasks are tasks of one Pool."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]

if __name__ == "__main__":
    with mp.Pool(2) as pool:
        pairs = [(number, power) for number in [2, 3] for power in range(3)]
        powers = pool.starmap(pow, pairs)
        print([powers[:3], powers[3:]])
