"""Ctrl-C while workers are at work that leave it to their parent."""

import multiprocessing
import os
import signal
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def work(ready, stop):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ready.put("ready")
    stop.wait()


if __name__ == "__main__":
    ready, stop = mp.SimpleQueue(), mp.Event()
    workers = [mp.Process(target=work, args=(ready, stop)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        ready.get()
    try:
        os.killpg(os.getpgrp(), signal.SIGINT)  # what the terminal does at Ctrl-C
        for worker in workers:
            worker.join()
    except KeyboardInterrupt:
        print("interrupted: the workers may stop")
        stop.set()
    for worker in workers:
        worker.join()
        print(f"worker: exit code {worker.exitcode}")
