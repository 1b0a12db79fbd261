"""A process is terminated: what becomes of its child?"""

import multiprocessing
import os
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def live(teller, go_on):
    teller.put(os.getppid())
    go_on.wait()  # until its parent is gone
    teller.put(os.getppid())


def have_child(teller, go_on):
    child = mp.Process(target=live, args=(teller, go_on))
    child.start()
    child.join()


if __name__ == "__main__":
    teller, go_on = mp.SimpleQueue(), mp.Event()
    parent = mp.Process(target=have_child, args=(teller, go_on))
    parent.start()
    before = teller.get()
    parent.terminate()
    parent.join()
    go_on.set()
    after = teller.get()
    print(f"the child's parent was PID {before}, terminated: {before == parent.pid}")
    print(f"the child is alive, its parent now is PID {after}, adopted: {after != before}")
