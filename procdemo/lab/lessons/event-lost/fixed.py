"""A child notes that it is ready, and its parent looks before it waits."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python fixed.py [fork|spawn|forkserver]


def prepare(condition, ready):
    with condition:
        ready.value = True
        condition.notify()
        print("child: says that it is ready", flush=True)


if __name__ == "__main__":
    condition = mp.Condition()
    ready = mp.Value("b", False, lock=False)  # the lock of the condition protects it
    child = mp.Process(target=prepare, args=(condition, ready))
    child.start()
    child.join()  # the child was faster
    with condition:
        print("parent: waits", flush=True)
        condition.wait_for(lambda: ready.value)
    print("parent: goes on")
