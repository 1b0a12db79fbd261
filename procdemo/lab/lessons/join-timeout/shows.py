"""Waits for a child for a while only, and for one that was never started."""

import multiprocessing
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def work(go_on):
    go_on.wait()


if __name__ == "__main__":
    go_on = mp.Event()
    child = mp.Process(target=work, args=(go_on,))
    child.start()
    child.join(timeout=0.1)
    print(f"after join(timeout=0.1): alive {child.is_alive()}, exit code {child.exitcode}")
    go_on.set()
    child.join()
    print(f"after join(): alive {child.is_alive()}, exit code {child.exitcode}")

    never = mp.Process(target=work, args=(go_on,))
    never.run()
    try:
        never.join()
    except AssertionError as error:
        print(f"never started: AssertionError: {error}")
