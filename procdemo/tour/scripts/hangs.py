"""Two processes, two locks: they wait for each other for ever."""

import multiprocessing as mp


def transfer(mine, yours, both):
    with mine:
        both.wait()  # so that it happens today, and not once a month
        with yours:
            print("transferred")


if __name__ == "__main__":
    a, b, both = mp.Lock(), mp.Lock(), mp.Barrier(2)
    first = mp.Process(target=transfer, args=(a, b, both))
    second = mp.Process(target=transfer, args=(b, a, both))
    first.start()
    second.start()
    first.join()
    second.join()
