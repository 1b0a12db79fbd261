"""A process with a daemon is terminated: what is left?"""

import multiprocessing
import os
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def serve(teller):
    teller.put(os.getpid())
    time.sleep(60)  # then it ends, if it was not ended before


def have_daemon(teller):
    daemon = mp.Process(target=serve, args=(teller,), daemon=True)
    daemon.start()
    daemon.join()


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    teller = mp.SimpleQueue()
    parent = mp.Process(target=have_daemon, args=(teller,))
    parent.start()
    pid = teller.get()
    parent.terminate()
    parent.join()
    print(f"parent: exit code {parent.exitcode}")
    print(f"daemons gone: expected 1, got {int(not is_there(pid))}")
