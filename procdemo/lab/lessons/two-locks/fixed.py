"""Two processes transfer money, in opposite directions: both take the locks in the same order."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def transfer(name, source, target, locks, barrier):
    barrier.wait()  # both begin at the same time
    first, second = sorted((source, target))  # any order will do, if it is the same for all
    with locks[first]:
        print(f"{name}: has its first lock", flush=True)
        with locks[second]:
            print(f"{name}: transfers")


if __name__ == "__main__":
    locks = {"account": mp.Lock(), "savings": mp.Lock()}
    barrier = mp.Barrier(2)
    one = mp.Process(target=transfer, args=("one", "account", "savings", locks, barrier))
    two = mp.Process(target=transfer, args=("two", "savings", "account", locks, barrier))
    for process in (one, two):
        process.start()
    for process in (one, two):
        process.join()
