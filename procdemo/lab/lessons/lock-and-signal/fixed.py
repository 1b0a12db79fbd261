"""A signal handler only takes note; the code that it interrupts does the rest."""

import multiprocessing
import signal

lock = multiprocessing.Lock()
asked_to_end = False


def handler(signum, frame):
    global asked_to_end
    asked_to_end = True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, handler)
    with lock:
        print("main: holds the lock when the signal comes")
        signal.raise_signal(signal.SIGTERM)
    if asked_to_end:
        with lock:
            print("main: cleaned up")
    print("main: done")
