"""Asks a result for everything it knows, before and after its task is done."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def divide(a, b):
    return a / b


if __name__ == "__main__":
    gate = mp.Event()
    with mp.Pool(1, initializer=gate.wait) as pool:  # the worker begins when the gate is open
        result = pool.apply_async(divide, (1, 0))
        print(f"before: ready() is {result.ready()}")
        try:
            result.successful()
        except ValueError as error:
            print(f"before: successful() raises ValueError: {error}")
        try:
            result.get(timeout=0.1)
        except multiprocessing.TimeoutError:
            print("before: get(timeout=0.1) raises TimeoutError")

        gate.set()
        result.wait()  # until it is ready; says nothing, raises nothing
        print(f"after: ready() is {result.ready()}, successful() is {result.successful()}")
        try:
            result.get()
        except ZeroDivisionError as error:
            print(f"after: get() raises the task's own ZeroDivisionError: {error}")
