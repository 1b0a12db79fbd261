"""A worker is killed, and no item is lost: each worker has its own pipe."""

import contextlib
import time
from multiprocessing import Pipe, Process
from multiprocessing.connection import wait


def work(pipe):
    for item in iter(pipe.recv, None):
        time.sleep(0.05)  # the work
        pipe.send(item * item)


if __name__ == "__main__":
    waiting = [(item, 1) for item in range(10)]  # 1: the first attempt
    workers, in_hand, done = {}, {}, {}
    while waiting or in_hand:
        while len(workers) < 2:
            ours, theirs = Pipe()
            workers[ours] = Process(target=work, args=(theirs,), daemon=True)
            workers[ours].start()
            theirs.close()  # only the worker has it: its death ends the pipe
        for pipe in list(workers.keys() - in_hand.keys())[: len(waiting)]:
            in_hand[pipe] = waiting.pop(0)
            if in_hand[pipe] == (3, 1):
                workers[pipe].kill()  # an accident
            with contextlib.suppress(BrokenPipeError):  # it is dead: see below
                pipe.send(in_hand[pipe][0])
        for pipe in wait(in_hand):  # for answers, and for ends of pipes
            item, attempt = in_hand.pop(pipe)
            try:
                done[item] = pipe.recv()
                print(f"PID {workers[pipe].pid} has done item {item}")
            except (EOFError, OSError):
                print(f"PID {workers.pop(pipe).pid} died with item {item}")
                if attempt < 3:  # perhaps it is the item that kills workers
                    waiting.append((item, attempt + 1))
    print(f"expected 10, got {len(done)}")
