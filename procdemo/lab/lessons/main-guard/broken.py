"""Starts a process at the top level of its module."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def greet():
    print("child: hello")


child = mp.Process(target=greet)
child.start()
child.join()
sys.exit(child.exitcode)
