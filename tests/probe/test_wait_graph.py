"""The picture of a script that hangs names the processes that wait, and what each waits for."""

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
    locks = lines_of(told, "main thread, state S in futex")
    assert len(locks) == 2
    assert all("a lock (semaphore" in line for line in locks)
    assert locks[0] != locks[1], "two different locks"
    assert "with second:" in told


def test_a_reader_that_holds_the_writing_end_itself(tmp_path):
    source = "import os\nread, write = os.pipe()\nos.read(read, 1)"
    told = picture(tmp_path, source)
    assert "nobody but itself has the end to write" in told
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
    assert "nobody but itself has the end to write" in told
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
        "main waits for a result of the pool, and every worker waits for work: nobody has that task any more"
        in told
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_stopped_process(tmp_path):
    source = "import os, signal\nif os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)\nos.wait()"
    assert "state T in" in picture(tmp_path, source)
