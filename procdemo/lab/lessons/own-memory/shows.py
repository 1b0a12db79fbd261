"""A child changes a global; its parent's stays as it is."""

import multiprocessing
import os
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]
money = 100


def spend():
    global money
    print(f"child  {os.getpid()}: sees {money}", flush=True)
    money = 0
    print(f"child  {os.getpid()}: has {money} left", flush=True)


if __name__ == "__main__":
    money = 50
    child = mp.Process(target=spend)
    child.start()
    child.join()
    print(f"parent {os.getpid()}: still has {money}")
