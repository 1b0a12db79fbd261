"""A child has ended, and nobody has asked for its exit status yet."""

import multiprocessing
import sys
import time
from multiprocessing.connection import wait

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn]


def state(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(") ")[2][0]
    except FileNotFoundError:
        return "none: it is gone"


if __name__ == "__main__":
    child = mp.Process(target=print, args=("child: I have done my work",))
    child.start()
    wait([child.sentinel])  # it ends; this does not ask for its status
    while state(child.pid) in "RSD":
        time.sleep(0.01)
    print("before join(): state", state(child.pid))
    child.join()
    print("after join(): state", state(child.pid))
