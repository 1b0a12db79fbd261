"""A consumer is killed while it waits for an item; another has a pipe of its own."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def consume(reader, started):
    started.set()
    print(f"{multiprocessing.current_process().name}: got {reader.recv()}", flush=True)


if __name__ == "__main__":
    reader, writer = mp.Pipe(duplex=False)
    started = mp.Event()
    first = mp.Process(target=consume, args=(reader, started), name="first")
    first.start()
    started.wait()
    time.sleep(0.3)  # now it waits in recv(), where there is no lock
    first.kill()
    first.join()
    print("first: killed in recv()")

    reader, writer = mp.Pipe(duplex=False)
    second = mp.Process(target=consume, args=(reader, started), name="second")
    second.start()
    writer.send("item")
    second.join()
