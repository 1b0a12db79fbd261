"""A signal handler wants a lock that the code it interrupts already has."""

import multiprocessing
import signal

lock = multiprocessing.Lock()


def handler(signum, frame):
    with lock:
        print("handler: cleaned up")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, handler)
    with lock:
        print("main: holds the lock when the signal comes")
        signal.raise_signal(signal.SIGTERM)
    print("main: done")
