"""Starts a Pool without saying how many workers it is to have."""

import multiprocessing
import os
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]

if __name__ == "__main__":
    count_cpus = os.cpu_count
    if sys.version_info >= (3, 13):
        count_cpus = os.process_cpu_count  # only those that this process may use
    with mp.Pool():
        workers = mp.active_children()
    print(f"{count_cpus.__name__}() is {count_cpus()}")
    print(f"workers: expected {count_cpus()}, got {len(workers)}")
