"""Two processes transfer money, in opposite directions: each needs the locks of both accounts."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def transfer(name, source, target, barrier):
    with source:
        print(f"{name}: has its first lock", flush=True)
        barrier.wait()  # so that it happens today, and not once a month
        with target:
            print(f"{name}: transfers")


if __name__ == "__main__":
    account, savings = mp.Lock(), mp.Lock()
    barrier = mp.Barrier(2)
    one = mp.Process(target=transfer, args=("one", account, savings, barrier))
    two = mp.Process(target=transfer, args=("two", savings, account, barrier))
    for process in (one, two):
        process.start()
    for process in (one, two):
        process.join()
