"""A daemon thread saves five records, and the main thread does not wait for it."""

import atexit
import threading
import time

saved = []


def save():
    for number in range(5):
        time.sleep(0.1)  # a slow disk
        saved.append(number)


# These functions are called when Python has waited for all threads that are no daemons.
atexit.register(lambda: print(f"saved: expected 5, got {len(saved)}"))

threading.Thread(target=save, daemon=True).start()
print("main thread: ends")
