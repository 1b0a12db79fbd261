"""Subclasses of Process without a run() of their own."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


class Worker(mp.Process):
    pass


def greet():
    print("the target: hello")


if __name__ == "__main__":
    for name, worker in (("with a target", Worker(target=greet)), ("with nothing", Worker())):
        worker.start()
        worker.join()
        print(f"{name}: exit code {worker.exitcode}")
