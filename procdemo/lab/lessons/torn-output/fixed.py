"""Three processes write to the same place, each line in one piece."""

import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def write(end, start):
    start.wait()
    with open(end.fileno(), "w", closefd=False) as out:
        for _ in range(50):
            line = "The answer is "
            time.sleep(0.001)  # thinks about it
            line += "42.\n"
            print(line, end="", file=out, flush=True)


if __name__ == "__main__":
    reader, writer = mp.Pipe(duplex=False)  # stands for the terminal: so we can count
    start = mp.Barrier(3)  # none begins before all are there
    workers = [mp.Process(target=write, args=(writer, start)) for _ in range(3)]
    for worker in workers:
        worker.start()
    writer.close()
    with open(reader.fileno(), closefd=False) as terminal:
        lines = terminal.read().splitlines()
    print("for example:", max(lines, key=len))
    print(f"whole lines: expected 150, got {lines.count('The answer is 42.')}")
    for worker in workers:
        worker.join()
