"""A child notifies its parent, which does not wait yet."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python broken.py [fork|spawn|forkserver]


def prepare(condition):
    with condition:
        condition.notify()
        print("child: says that it is ready", flush=True)


if __name__ == "__main__":
    condition = mp.Condition()
    child = mp.Process(target=prepare, args=(condition,))
    child.start()
    child.join()  # the child was faster
    with condition:
        print("parent: waits", flush=True)
        condition.wait()
    print("parent: goes on")
