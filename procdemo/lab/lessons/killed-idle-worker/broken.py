"""A worker is killed while it waits for work."""

import multiprocessing
import os
import signal
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]

if __name__ == "__main__":
    with mp.Pool(1) as pool:
        worker = pool.apply(os.getpid)
        time.sleep(0.3)  # now it waits for work again, and has locked the queue of tasks
        os.kill(worker, signal.SIGKILL)
        print(f"worker {worker}: killed while idle")
        print(f"worker {pool.apply(os.getpid)}: takes its place")
