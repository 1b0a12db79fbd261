"""Children end, and their parent does not ask for their exit status."""

import multiprocessing
import sys
import time
from multiprocessing.connection import wait

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn]


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
        wait([child.sentinel])  # it ends; this does not ask for its status
        while state(child.pid) in "RSD":
            time.sleep(0.01)
    states = [state(child.pid) for child in children]
    print("states:", *states)
    print(f"really gone: expected 3, got {3 - states.count('Z')}")
