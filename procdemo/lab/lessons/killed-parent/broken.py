"""A process with two children, one of them a daemon, is killed: what is left?"""

import multiprocessing
import os
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def live(teller):
    teller.put(os.getpid())
    time.sleep(60)  # then it ends, if it was not ended before


def have_children(teller):
    for daemon in (True, False):
        mp.Process(target=live, args=(teller,), daemon=daemon).start()
    time.sleep(60)


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    teller = mp.SimpleQueue()
    parent = mp.Process(target=have_children, args=(teller,))
    parent.start()
    pids = [teller.get(), teller.get()]
    parent.kill()
    parent.join()
    time.sleep(0.3)
    print(f"children gone: expected 2, got {2 - sum(map(is_there, pids))}")
