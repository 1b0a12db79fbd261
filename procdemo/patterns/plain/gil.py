"""The same work in one thread, in two threads, in two processes: how long?"""

import multiprocessing
import os
import threading
import time

STEPS = 5_000_000


def work(gate, pieces):
    gate.wait()  # all begin at the same time
    for _ in range(pieces * STEPS):  # Python code, which needs the GIL
        pass
    me = f"thread {threading.get_native_id()} of PID {os.getpid()}"
    print(f"  {me}", flush=True)


def measure(way, kind, workers):
    print(f"{way}:", flush=True)
    gate = multiprocessing.Barrier(workers + 1)  # for the workers and main
    args = (gate, 2 // workers)  # two pieces of work in all
    working = [kind(target=work, args=args) for _ in range(workers)]
    for worker in working:
        worker.start()
    gate.wait()  # it takes time to start a process: do not count it
    before = time.perf_counter()
    for worker in working:
        worker.join()
    print(f"  {time.perf_counter() - before:.2f} s", flush=True)


if __name__ == "__main__":
    measure("one thread", threading.Thread, 1)
    # No faster: the GIL lets one thread run Python at a time, for 5 ms each
    # (sys.getswitchinterval()). It would be faster if the work were to wait.
    measure("two threads", threading.Thread, 2)
    # Twice as fast, with two CPUs: each process has an interpreter and a GIL.
    measure("two processes", multiprocessing.Process, 2)
