"""Stops a process that takes too long."""

import multiprocessing
import signal
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def work(begun, may_end):
    begun.set()
    may_end.wait()  # stands for work that takes long; its result would come through a pipe


if __name__ == "__main__":
    begun, may_end = mp.Event(), mp.Event()
    task = mp.Process(target=work, args=(begun, may_end))
    task.start()
    begun.wait()
    task.join(timeout=0.1)
    if task.is_alive():
        print("no result in time")
        task.terminate()
        task.join()
    print(f"tasks stopped: expected 1, got {int(task.exitcode == -signal.SIGTERM)}")
