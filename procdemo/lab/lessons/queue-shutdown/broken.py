"""Two threads take items from a queue.Queue; the producer ends after the last one."""

import queue
import threading

items, done = queue.Queue(), []


def consume():
    while True:
        done.append(items.get())


consumers = [threading.Thread(target=consume) for _ in range(2)]
for consumer in consumers:
    consumer.start()
for number in range(10):
    items.put(number)
print("all 10 items are put", flush=True)
for consumer in consumers:
    consumer.join()
print(f"items: expected 10, got {len(done)}")
