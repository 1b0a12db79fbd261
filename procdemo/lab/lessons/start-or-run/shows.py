"""Calls start(), which makes a process, and run(), which is a method like any other."""

import multiprocessing
import os
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def report(parent, how):
    where = "in the parent" if os.getpid() == parent else "in a child"
    print(f"{how} ran {where}, PID {os.getpid()}")


if __name__ == "__main__":
    started = mp.Process(target=report, args=(os.getpid(), "start()"))
    started.start()
    started.join()
    called = mp.Process(target=report, args=(os.getpid(), "run()"))
    called.run()
    print(f"the PID of what was only run is {called.pid}")
