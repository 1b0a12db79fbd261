"""Producers put at their own pace, one consumer takes at its own; print which producer is blocked first."""

import multiprocessing as mp
import queue
import sys
import time


def produce(number, seconds, items, start, blocked):
    start.wait()
    began = time.monotonic()
    for turn in range(1, 1000):
        time.sleep(max(began + turn * seconds - time.monotonic(), 0))
        try:
            items.put_nowait(number)
        except queue.Full:  # put() would block now
            blocked.put(number)
            return


def consume(seconds, items, start):
    start.wait()
    while True:
        items.get()
        time.sleep(seconds)


if __name__ == "__main__":
    room, consumer_s, *producers_s = map(float, sys.argv[1:])
    items, blocked = mp.Queue(int(room)), mp.SimpleQueue()
    start = mp.Barrier(len(producers_s) + 1)
    workers = [mp.Process(target=consume, args=(consumer_s, items, start), daemon=True)]
    for number, seconds in enumerate(producers_s, start=1):
        workers.append(mp.Process(target=produce, args=(number, seconds, items, start, blocked), daemon=True))
    for worker in workers:
        worker.start()
    print(blocked.get())
    for worker in workers:
        worker.kill()
        worker.join()
