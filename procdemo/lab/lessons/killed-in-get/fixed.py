"""A consumer is killed while it waits for an item; another has a pipe of its own."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def consume(pipe, started):
    started.set()
    print(f"{multiprocessing.current_process().name}: got {pipe.recv()}", flush=True)


if __name__ == "__main__":
    readers, writers = zip(mp.Pipe(duplex=False), mp.Pipe(duplex=False))
    started = mp.Event()
    first = mp.Process(target=consume, args=(readers[0], started), name="first")
    first.start()
    started.wait()
    time.sleep(0.3)  # now it waits in recv(), where there is no lock
    first.kill()
    first.join()
    print("first: killed in recv()")

    second = mp.Process(target=consume, args=(readers[1], started), name="second")
    second.start()
    writers[1].send("item")
    second.join()
