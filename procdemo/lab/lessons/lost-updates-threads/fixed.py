"""Four threads count together, one at a time."""

import threading
import time

counter = 0
lock = threading.Lock()


def next_number(number):
    time.sleep(0.001)  # looks something up
    return number + 1


def count():
    global counter
    for _ in range(50):
        with lock:
            counter = next_number(counter)


threads = [threading.Thread(target=count) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"expected 200, got {counter}")
