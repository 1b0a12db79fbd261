"""Each callback says in which process and in which thread it runs."""

import multiprocessing
import os
import sys
import threading

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def callback(task_pid):
    name = threading.current_thread().name
    places.add((os.getpid(), name))
    print(f"task in PID {task_pid}: callback in PID {os.getpid()}, thread {name}")


if __name__ == "__main__":
    places = set()
    print(f"parent: PID {os.getpid()}, thread {threading.current_thread().name}")
    with mp.Pool(2) as pool:
        for _ in range(4):
            pool.apply_async(os.getpid, callback=callback)
        pool.close()
        pool.join()
    [(pid, name)] = places  # or this fails
    print(f"one place for all callbacks, in the parent: {pid == os.getpid()}")
