"""Gives the name of a file of 100 lines to two processes: each opens it, and reads all of it."""

import multiprocessing
import sys
import tempfile

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def read_all(name, counts):
    with open(name) as file:
        counts.put(len(file.readlines()))


if __name__ == "__main__":
    counts = mp.SimpleQueue()
    with tempfile.NamedTemporaryFile("w") as written:
        written.writelines(f"line {number}\n" for number in range(100))
        written.flush()
        readers = [mp.Process(target=read_all, args=(written.name, counts)) for _ in range(2)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    print(f"lines read: expected 200, got {counts.get() + counts.get()}")
