"""Two processes, two locks: they wait for each other for ever."""

import multiprocessing as mp
import time


def transfer(mine, yours):
    with mine:
        time.sleep(0.3)
        with yours:
            print("transferred")


if __name__ == "__main__":
    a, b = mp.Lock(), mp.Lock()
    first = mp.Process(target=transfer, args=(a, b))
    second = mp.Process(target=transfer, args=(b, a))
    first.start()
    second.start()
    first.join()
    second.join()
