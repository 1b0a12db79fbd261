"""Start a child that ends in the way that is asked for; print its exitcode."""

import multiprocessing as mp
import os
import signal
import sys
import time


def end(how):
    sys.stderr = open(os.devnull, "w")  # no traceback in the class
    exec(f"def target():\n    {how}", globals())
    target()


def wait():
    time.sleep(60)


if __name__ == "__main__":
    how = sys.argv[1]
    by_parent = how.startswith("child.")
    child = mp.Process(target=wait) if by_parent else mp.Process(target=end, args=(how,))
    child.start()
    if by_parent:
        exec(how)
    child.join()
    print(child.exitcode)
