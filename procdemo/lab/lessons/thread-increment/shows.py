"""Four threads count together, without a lock and without a call."""

import sys
import threading

sys.setswitchinterval(0.00001)  # seconds: as many chances to go wrong as possible
counter = 0
together = threading.Barrier(4)


def count():
    global counter
    together.wait()
    for _ in range(200_000):
        counter += 1


threads = [threading.Thread(target=count) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"expected 800000, got {counter}")
