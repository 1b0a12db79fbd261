"""A process is terminated while it holds a lock."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def work(lock, has_lock):
    with lock:
        has_lock.set()
        time.sleep(60)


if __name__ == "__main__":
    lock, has_lock = mp.Lock(), mp.Event()
    child = mp.Process(target=work, args=(lock, has_lock))
    child.start()
    has_lock.wait()
    child.terminate()
    child.join()
    print(f"child: exit code {child.exitcode}")
    with lock:
        print("parent: has the lock")
