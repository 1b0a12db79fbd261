"""What a parent can see of its children."""

import multiprocessing
import os
import signal
import sys

mp = multiprocessing.get_context(*sys.argv[1:])  # python shows.py [fork|spawn|forkserver]


def wait(end):
    end.recv()


if __name__ == "__main__":
    ours, its = mp.Pipe()
    killed = mp.Process(target=wait, args=(its,), name="the killed one")
    print(f"{killed.name}, before: PID {killed.pid}, exit code {killed.exitcode}")
    killed.start()
    print(f"{killed.name}, running: PID {killed.pid}, exit code {killed.exitcode}")
    os.kill(killed.pid, signal.SIGKILL)
    failed = mp.Process(target=sys.exit, args=(3,), name="the failed one")
    failed.start()
    for child in (killed, failed):
        child.join()
        print(f"{child.name}, ended: PID {child.pid}, exit code {child.exitcode}")
