"""Four threads count together, and a call stands between reading and writing."""

import sys
import threading

sys.setswitchinterval(0.00001)  # seconds: what is rare becomes frequent
counter = 0


def next_number(number):
    return number + 1


def count():
    global counter
    for _ in range(50_000):
        counter = next_number(counter)


threads = [threading.Thread(target=count) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"expected 200000, got {counter}")
