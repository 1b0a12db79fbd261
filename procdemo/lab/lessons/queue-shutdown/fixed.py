"""Two threads take items from a queue.Queue until the producer shuts it down."""

import queue
import threading

items, done = queue.Queue(), []
END = None  # for a Python older than 3.13


def consume():
    while True:
        try:
            item = items.get()
        except getattr(queue, "ShutDown", ()):
            return
        if item is END:
            return
        done.append(item)


consumers = [threading.Thread(target=consume) for _ in range(2)]
for consumer in consumers:
    consumer.start()
for number in range(10):
    items.put(number)
print("all 10 items are put", flush=True)
if hasattr(items, "shutdown"):
    items.shutdown()  # get() raises ShutDown as soon as the queue is empty
else:
    for _ in consumers:
        items.put(END)
for consumer in consumers:
    consumer.join()
print(f"items: expected 10, got {len(done)}")
