"""Reads from a pipe until its end, and has the writing end open itself."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def produce(writer):
    for number in range(3):
        writer.send(number)
    writer.close()


if __name__ == "__main__":
    reader, writer = mp.Pipe(duplex=False)
    child = mp.Process(target=produce, args=(writer,))
    child.start()
    child.join()
    print(f"child: exit code {child.exitcode}")
    try:
        while True:
            print(f"parent: got {reader.recv()}", flush=True)
    except EOFError:
        print("parent: EOFError: that was all")
