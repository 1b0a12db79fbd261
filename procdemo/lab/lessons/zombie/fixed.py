"""Children end, and their parent waits for each."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn]


def work(gate):
    print("child: I have done my work", flush=True)
    gate.wait()  # start() asks for the status of children that have ended: none ends before all are there


def state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(") ")[2][0]
    except FileNotFoundError:
        return "none: it is gone"


if __name__ == "__main__":
    gate = mp.Barrier(3)
    children = [mp.Process(target=work, args=(gate,)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()  # asks for the exit status; then the kernel forgets it
    states = [state(child.pid) for child in children]
    print("states:", *states)
    print(f"really gone: expected 3, got {3 - states.count('Z')}")
