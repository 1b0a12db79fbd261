"""Ctrl-C while workers are at work."""

import multiprocessing
import os
import signal
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def work(ready):
    ready.put("ready")
    while True:
        time.sleep(0.1)  # a signal that comes just before a sleep() is noticed after it


if __name__ == "__main__":
    ready = mp.SimpleQueue()
    workers = [mp.Process(target=work, args=(ready,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        ready.get()
    os.killpg(os.getpgrp(), signal.SIGINT)  # what the terminal does at Ctrl-C
    for worker in workers:
        worker.join()
