"""Each child watches its parent, and leaves when that has gone."""

import multiprocessing
import os
import sys
import threading
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def leave_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


def live(ends):
    threading.Thread(target=leave_with_parent, daemon=True).start()
    ends[1].send(os.getpid())  # and it holds that end for as long as it lives
    time.sleep(60)


def have_children(ends):
    for daemon in (True, False):
        mp.Process(target=live, args=(ends,), daemon=daemon).start()
    time.sleep(60)


if __name__ == "__main__":
    ends = mp.Pipe(duplex=False)
    parent = mp.Process(target=have_children, args=(ends,))
    parent.start()
    ends[1].close()
    pids = [ends[0].recv(), ends[0].recv()]
    parent.kill()
    try:
        ends[0].recv()  # comes to its end when no process has the other one any more
    except EOFError:
        print(f"children {pids[0]} and {pids[1]}: gone with their parent")
