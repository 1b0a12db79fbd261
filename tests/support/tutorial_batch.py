"""The pool of the notes, as one writes it on the first day: our fault tests must fail on it.

    python tests/tutorial_batch.py --items 20 --workers 2

It is right as long as every worker lives and every item returns.
"""

import argparse
import multiprocessing
import os
import signal
import time


def work(item, options):
    """Do an item, and print which process does it."""
    print("works", item, os.getpid(), flush=True)
    time.sleep(options.work)  # noqa: TID251 - the work itself
    if item == options.poison:
        os.kill(os.getpid(), signal.SIGKILL)
    while item == options.stuck:
        signal.pause()
    return item


def main():
    """Give all items to a Pool, count what comes back."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=float, default=0.05)
    parser.add_argument("--poison", type=int)
    parser.add_argument("--stuck", type=int)
    options = parser.parse_args()
    with multiprocessing.Pool(options.workers) as pool:
        results = [pool.apply_async(work, (item, options)) for item in range(options.items)]
        for result in results:
            print("done", result.get(), flush=True)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")  # noqa: TID251 - the default when tutorials were written
    main()
