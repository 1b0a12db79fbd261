"""Two ways to say what a process does: a function, or a class."""

import multiprocessing
import os
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def greet(name):
    print(f"function: hello {name}, PID {os.getpid()}, child of {os.getppid()}")


class Greeter(mp.Process):
    def __init__(self, friend):
        super().__init__()
        self.friend = friend

    def run(self):
        print(f"class: hello {self.friend}, PID {os.getpid()}, child of {os.getppid()}")


if __name__ == "__main__":
    print(f"parent: PID {os.getpid()}")
    for process in (mp.Process(target=greet, args=("Ann",)), Greeter("Bob")):
        process.start()
        process.join()
