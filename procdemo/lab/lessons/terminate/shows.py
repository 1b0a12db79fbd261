"""A process that wants to clean up after itself, and is terminated."""

import atexit
import multiprocessing
import sys
import time

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def work(parent):
    atexit.register(parent.send, "cleaned up by atexit")
    try:
        parent.send("at work")
        time.sleep(60)
    finally:
        parent.send("cleaned up by finally")


def heard(end):
    try:
        while True:
            yield end.recv()
    except EOFError:  # the child is gone, and all that it said is read
        return


if __name__ == "__main__":
    ours, its = mp.Pipe()
    child = mp.Process(target=work, args=(its,))
    child.start()
    its.close()
    print("child:", ours.recv())
    child.terminate()
    print("right after terminate(): alive", child.is_alive())  # a signal takes its time, too
    child.join()
    print(f"after join(): alive {child.is_alive()}, exit code {child.exitcode}")
    print("what the child said of cleaning up:", list(heard(ours)))
