"""A process is terminated while it holds the lock of a file."""

import fcntl
import multiprocessing
import sys
import tempfile
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def work(path, has_lock):
    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        has_lock.set()
        time.sleep(60)


if __name__ == "__main__":
    with tempfile.NamedTemporaryFile() as file:
        has_lock = mp.Event()
        child = mp.Process(target=work, args=(file.name, has_lock))
        child.start()
        has_lock.wait()
        child.terminate()
        child.join()
        print(f"child: exit code {child.exitcode}")
        fcntl.flock(file, fcntl.LOCK_EX)
        print("parent: has the lock")
