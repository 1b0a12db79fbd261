"""Opens a file of 100 lines, and gives it to two processes that read all of it."""

import multiprocessing
import sys
import tempfile

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def read_all(file, counts):
    counts.put(len(file.readlines()))


if __name__ == "__main__":
    counts = mp.SimpleQueue()
    with tempfile.NamedTemporaryFile("w") as written:
        written.writelines(f"line {number}\n" for number in range(100))
        written.flush()
        with open(written.name) as file:
            readers = [mp.Process(target=read_all, args=(file, counts)) for _ in range(2)]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join()
    print(f"lines read: expected 200, got {counts.get() + counts.get()}")
