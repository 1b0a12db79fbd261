"""Three threads, then three processes, watch how often another one ran in between."""

import multiprocessing
import threading
import time


def work(me, last, changes, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end and sum(changes) < 5_000:
        if last.value != me:  # another one ran in between
            last.value = me
            changes[me] += 1


def watch(name, kind, seconds):
    last = multiprocessing.RawValue("i", -1)  # without a lock, on purpose
    changes = multiprocessing.RawArray("i", 3)
    workers = [kind(target=work, args=(me, last, changes, seconds)) for me in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    how = "at the same time" if sum(changes) >= 5_000 else "one at a time"
    print(f"{name}: {how}, they saw {sum(changes)} changes")


if __name__ == "__main__":
    watch("threads", threading.Thread, 0.5)
    watch("processes", multiprocessing.Process, 5)  # at most: a busy machine has no two CPUs for us
