"""The picture of a script that hangs names the processes that wait, and what each waits for."""

import re
import sys

import pytest
from watched import Watched

START = "import multiprocessing, sys\nmp = multiprocessing.get_context(sys.argv[1])\n"


def picture(tmp_path, source, *args):
    with Watched(tmp_path, source, *args) as script:
        assert script.end()["hung"]
        return script.picture()


def lines_of(text, beginning):
    return [line.strip() for line in text.splitlines() if line.strip().startswith(beginning)]


JOIN = (
    START
    + """
def produce(queue):
    for number in range(100_000):
        queue.put(number)

if __name__ == "__main__":
    queue = mp.Queue()
    child = mp.Process(target=produce, args=(queue,))
    child.start()
    child.join()
"""
)


def test_a_circle_through_a_join_and_a_full_pipe(tmp_path, start_method):
    told = picture(tmp_path, JOIN, start_method)
    circle = told.partition("A circle:\n")[2].splitlines()
    assert len(circle) == 3
    assert "main waits for child" in circle[0]
    assert "waits for its feeder thread to write what was put" in circle[1]
    assert "thread 2 waits for room in the pipe" in circle[2]
    assert "(main could read, and does not)" in circle[2]
    assert "script.py:12 <module>: child.join()" in told


LOCKS = (
    START
    + """
def hold_both(first, second, gate):
    with first:
        gate.wait()
        with second:
            pass

if __name__ == "__main__":
    a, b, gate = mp.Lock(), mp.Lock(), mp.Barrier(2)
    children = [mp.Process(target=hold_both, args=args) for args in [(a, b, gate), (b, a, gate)]]
    for child in children:
        child.start()
    for child in children:
        child.join()
"""
)


def test_two_locks_in_two_orders(tmp_path, start_method):
    told = picture(tmp_path, LOCKS, start_method)
    circle = told.partition("A circle:\n")[2].splitlines()
    found = [re.fullmatch(HELD, line.strip()) for line in circle]
    assert len(found) == 2
    assert all(found)
    assert found[0]["waiter"] == found[1]["holder"] != found[0]["holder"] == found[1]["waiter"]
    assert found[0]["lock"] != found[1]["lock"]


HELD = (
    r"(?P<waiter>child \d+) waits for lock (?P<lock>A|B), which (?P<holder>child \d+) holds "
    r"\(script\.py:7 hold_both: with second:\)"
)


def test_the_lock_of_the_dead(tmp_path, start_method):
    source = (
        START
        + """
def die(lock):
    lock.acquire()

if __name__ == "__main__":
    lock = mp.Lock()
    child = mp.Process(target=die, args=(lock,))
    child.start()
    child.join()
    lock.acquire()
"""
    )
    told = picture(tmp_path, source, start_method)
    assert "No circle: main waits for lock A, the lock of the dead: it is taken, and no process" in told


def test_a_lock_taken_twice(tmp_path):
    source = "import multiprocessing\nlock = multiprocessing.Lock()\nwith lock:\n    with lock: pass"
    told = picture(tmp_path, source)
    assert told.endswith("A circle:\n  main waits for lock A, which it holds itself")


def test_another_thread_holds_the_lock(tmp_path):
    source = """
import multiprocessing, threading
def hold():
    lock.acquire()
    held.set()
    threading.Event().wait()
lock, held = multiprocessing.RLock(), threading.Event()
threading.Thread(target=hold).start()
held.wait()
lock.acquire()
"""
    told = picture(tmp_path, source)
    line = "script.py:6 hold: threading.Event().wait()"
    assert f"waits for lock A, which main's thread 2 holds ({line})" in told


def test_a_semaphore_says_which_process_has_taken_how_many(tmp_path):
    source = """
import multiprocessing
semaphore = multiprocessing.Semaphore(2)
for _ in range(3): semaphore.acquire()
"""
    told = picture(tmp_path, source)
    assert "waits for a lock (semaphore A, of which main has taken 2)" in told


def test_a_reader_that_holds_the_writing_end_itself(tmp_path):
    source = "import os\nread, write = os.pipe()\nos.read(read, 1)"
    told = picture(tmp_path, source)
    assert "no other process has the end to write" in told
    assert "os.read(read, 1)" in told


def test_a_pipe_that_others_hold_open(tmp_path):
    source = """
import os
read, write = os.pipe()
other, never = os.pipe()
if os.fork() == 0:
    os.close(never)
    os.read(read, 1)
os.close(write)
os.close(read)
os.wait()
"""
    told = picture(tmp_path, source)
    assert "no other process has the end to write" in told
    assert "main thread, state S in do_wait: waits for a child to end" in told


def test_threads_are_told_apart(tmp_path):
    source = """
import threading
lock = threading.Lock()
lock.acquire()
threads = [threading.Thread(target=lock.acquire) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    told = picture(tmp_path, source)
    assert len(lines_of(told, "thread 2")) == len(lines_of(told, "thread 3")) == 1
    assert "main thread, state S in" in told
    assert "waits for another thread to end" in told


def test_workers_without_work(tmp_path):
    source = (
        START
        + """
import os, signal, time

def work():
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    mp.Pool(1).apply(work)
"""
    )
    told = picture(tmp_path, source, "fork")
    assert (
        "main waits for a result of the pool, and every worker waits for work: no process has that task"
        in told
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_stopped_process(tmp_path):
    source = "import os, signal\nif os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)\nos.wait()"
    assert "state T in" in picture(tmp_path, source)
