"""A task says what is wrong with an exception."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def task(number):
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number**0.5


if __name__ == "__main__":
    with mp.Pool(1) as pool:
        try:
            print(f"result: {pool.apply(task, (-1,))}")
        except ValueError as error:
            print(f"ValueError: {error}")
