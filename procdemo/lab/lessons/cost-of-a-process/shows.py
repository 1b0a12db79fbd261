"""Starts twenty processes that do nothing, and reckons what ten thousand would cost."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def wait(ready, stop):
    ready.put("ready")
    stop.wait()


def mebibytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:  # Pss: memory that n share counts 1/n for each
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    ready, stop = mp.SimpleQueue(), mp.Event()
    children = [mp.Process(target=wait, args=(ready, stop)) for _ in range(20)]
    begin = time.monotonic()
    for child in children:
        child.start()
    for _ in children:
        ready.get()
    seconds = (time.monotonic() - begin) / 20
    memory = sum(mebibytes(child.pid) for child in children) / 20
    stop.set()
    for child in children:
        child.join()
    print(f"one process: {seconds * 1000:.1f} ms, {memory:.1f} MiB")
    print(f"ten thousand: {seconds * 10_000:.0f} s, {memory * 10_000 / 1024:.0f} GiB")
