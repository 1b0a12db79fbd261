"""A worker is killed while it waits for work, and its boss is told."""

import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]

if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=mp) as executor:
        worker = executor.submit(os.getpid).result()
        time.sleep(0.3)  # now it waits for work again, and has locked the queue of tasks
        os.kill(worker, signal.SIGKILL)
        print(f"worker {worker}: killed while idle")
        try:
            print(f"worker {executor.submit(os.getpid).result()}: takes its place")
        except BrokenProcessPool as error:
            print(f"BrokenProcessPool: {error}")
