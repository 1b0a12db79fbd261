"""A daemon that wants a child, and one that becomes a daemon too late."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def have_child():
    child = mp.Process(target=print, args=("never printed",))
    try:
        child.start()
    except AssertionError as error:
        print(f"daemon: AssertionError: {error}")


if __name__ == "__main__":
    daemon = mp.Process(target=have_child, daemon=True)
    daemon.start()
    daemon.join()
    try:
        daemon.daemon = False
    except AssertionError as error:
        print(f"after start(): AssertionError: {error}")
