"""Two ways to start a process, and what the parent knows of its child."""

import multiprocessing
import os
import time


def greet(way):
    print(f"{way}: PID {os.getpid()}, child of PID {os.getppid()}", flush=True)
    time.sleep(0.2)  # the work


class Greeter(multiprocessing.Process):
    """The second way: a subclass that has its own run()."""

    def __init__(self, way):
        super().__init__()  # without this line start() fails
        self.way = way

    def run(self):
        greet(self.way)


if __name__ == "__main__":
    print(f"main: PID {os.getpid()}")
    # The comma makes a tuple: args=("function") would be eight arguments.
    function = multiprocessing.Process(target=greet, args=("function",))
    subclass = Greeter("subclass")
    subclass.run()  # makes no process: it prints main's own PID
    try:
        subclass.join()
    except AssertionError as error:
        print(f"join() before start(): {error}")
    for child in (function, subclass):
        child.start()  # makes a process, which calls run()
        print(f"{child.name}: PID {child.pid}, exitcode {child.exitcode}")
    for child in (function, subclass):
        child.join()  # waits for its end; until then it would be a zombie
        print(f"{child.name}: ended, exitcode {child.exitcode}")
