"""Who holds a lock of multiprocessing is found from outside, in programs that hang, and never wrongly."""

import os

import pytest
from hanging import TWO_LOCKS, Hanging
from namespaces import PIDS_OF_ITS_OWN, needs_pids_of_its_own

from procdemo.probe.lock_holders import State
from procdemo.process import procfs

RING = """
def hold(name, first, second, gate):
    first.acquire()
    gate.wait()
    say(name)
    second.acquire()

if __name__ == "__main__":
    locks, gate = [mp.Lock() for _ in range(SIZE)], mp.Barrier(SIZE)
    children = [start(hold, f"p{n}", locks[n], locks[(n + 1) % SIZE], gate) for n in range(SIZE)]
    for child in children: child.join()
"""


def holders(program, waits, **how):
    """Return name -> the threads that hold what it waits for."""
    found = program.look(set(waits.values()), **how)
    assert not found.closed
    return {name: [(c.pid, c.tid) for c in found.locks[lock].holders] for name, lock in waits.items()}


def test_two_locks_in_opposite_order(tmp_path, start_method):
    with Hanging(tmp_path, TWO_LOCKS, start_method) as program:
        waits = program.wait_hang("one", "two")
        assert holders(program, waits) == {"one": [program.said["two"]], "two": [program.said["one"]]}
        lock = program.look().locks[waits["one"]]
        assert (lock.kind, lock.value, [claim.taken for claim in lock.claims]) == ("Lock", 0, [1])


@pytest.mark.parametrize("size", [3, pytest.param(5, marks=pytest.mark.thorough)])
def test_a_ring(tmp_path, start_method, size):
    """Three processes in a ring; with five they are the dining philosophers, each with its left fork."""
    with Hanging(tmp_path, RING.replace("SIZE", str(size)), start_method) as program:
        waits = program.wait_hang(*(f"p{n}" for n in range(size)))
        expected = {f"p{n}": [program.said[f"p{(n + 1) % size}"]] for n in range(size)}
        assert holders(program, waits) == expected


OTHERS = """
def wait_for(name, lock, gate):
    gate.wait()
    say(name)
    lock.acquire()

def in_a_thread(rlock, held):
    rlock.acquire(); rlock.acquire()
    say("rlock")
    held.set()
    threading.Event().wait()

if __name__ == "__main__":
    rlock, condition, bounded, many = mp.RLock(), mp.Condition(), mp.BoundedSemaphore(2), mp.Semaphore(2)
    twice, gate, held = mp.Lock(), mp.Event(), threading.Event()
    locks = {"at-rlock": rlock, "at-condition": condition, "at-bounded": bounded, "at-many": many}
    for name, lock in locks.items(): start(wait_for, name, lock, gate)
    threading.Thread(target=in_a_thread, args=(rlock, held), daemon=True).start()
    for lock in (condition, bounded, bounded, many, many, twice): lock.acquire()
    held.wait()
    gate.set()
    say("main")
    twice.acquire()
"""


def test_the_other_kinds_and_a_lock_taken_twice(tmp_path, start_method):
    names = ["at-rlock", "at-condition", "at-bounded", "at-many", "main"]
    with Hanging(tmp_path, OTHERS, start_method) as program:
        waits = program.wait_hang(*names)
        main, second = program.said["main"], program.said["rlock"]
        assert main[0] == second[0] != second[1], "another thread of the same process"
        found = program.look(set(waits.values())).locks
        told = {
            name: (found[lock].kind, found[lock].state, [tuple(claim) for claim in found[lock].claims])
            for name, lock in waits.items()
        }
        assert told == {
            "at-rlock": ("RLock", State.HELD, [(*second, 2)]),
            "at-condition": ("RLock", State.HELD, [(*main, 1)]),
            "at-bounded": ("BoundedSemaphore", State.HELD, [(*main, 2)]),
            "at-many": ("Semaphore", State.UNKNOWN, [(*main, 2)]),
            "main": ("Lock", State.HELD, [(*main, 1)]),
        }


DEAD = """
def take(lock, taken):
    lock.acquire()
    taken.set()
    say("holder")  # last: it can be killed from now on
    sys.stdin.read(); signal.pause()

if __name__ == "__main__":
    lock, taken = mp.Lock(), mp.Event()
    child = start(take, lock, taken)
    taken.wait()
    child.join()
    say("main")
    lock.acquire()
"""


def test_the_lock_of_the_dead(tmp_path, start_method):
    with Hanging(tmp_path, DEAD, start_method) as program:
        program.wait_for(lambda: "holder" in program.said, what="the lock is taken")
        earlier = program.look()
        os.kill(program.said["holder"][0], 9)
        waits = program.wait_hang("main")
        now = program.wait_dead(waits["main"], earlier)
        assert (now.holders, now.last[:2]) == ((), program.said["holder"])
        assert program.wait_dead(waits["main"]).last is None


def test_a_child_that_was_forked_while_its_parent_held_the_lock(tmp_path):
    source = """
lock, other = mp.Lock(), mp.Lock()
lock.acquire()
other.acquire()
if os.fork() == 0:
    say("child")
    lock.acquire()
say("parent")
other.acquire()
"""
    with Hanging(tmp_path, source) as program:
        waits = program.wait_hang("child", "parent")
        parent = [program.said["parent"]]
        assert holders(program, waits) == {"child": parent, "parent": parent}


def test_a_lock_that_another_process_gives_back(tmp_path, start_method):
    source = """
def give_back(lock, taken):
    lock.release()
    taken.wait()
    say("child")
    lock.acquire()

if __name__ == "__main__":
    lock, taken = mp.Lock(), mp.Event()
    lock.acquire()
    child = start(give_back, lock, taken)
    lock.acquire()
    say("main")
    taken.set()
    child.join()
"""
    with Hanging(tmp_path, source, start_method) as program:
        waits = program.wait_hang("child")
        assert holders(program, waits) == {"child": [program.said["main"]]}


def test_a_lock_object_that_is_gone_claims_nothing(tmp_path):
    source = """
from _multiprocessing import SemLock
if __name__ == "__main__":
    lock = mp.Lock()
    known = lock._semlock
    copy = SemLock._rebuild(known.handle, known.kind, known.maxvalue, known.name)
    copy.acquire()
    del copy
    say("main")
    lock.acquire()
"""
    with Hanging(tmp_path, source, "spawn") as program:
        waits = program.wait_hang("main")
        assert program.wait_dead(waits["main"]).claims == ()


def test_a_reader_that_was_killed_in_get(tmp_path, start_method):
    source = """
def read(name, queue):
    say(name)
    queue.get()

if __name__ == "__main__":
    queue = mp.Queue()
    children = [start(read, "one", queue), start(read, "two", queue)]
    for child in children: child.join()
"""
    with Hanging(tmp_path, source, start_method) as program:
        program.wait_for(lambda: len(program.said) == 2 and len(program.at_semaphores()) == 1, what="a queue")
        [(waiter, lock)] = program.at_semaphores().items()
        [reader] = (thread for thread in program.said.values() if thread != waiter)
        program.wait_for(lambda: procfs.threads(reader[0])[0].call == "read", what="the other one reads")
        found = program.look()
        assert [claim[:2] for claim in found.locks[lock].holders] == [reader]
        os.kill(reader[0], 9)
        assert program.wait_dead(lock, found).last[:2] == reader


@needs_pids_of_its_own
def test_in_a_container_the_threads_have_the_numbers_that_we_see(tmp_path):
    source = "lock = mp.Lock()\nlock.acquire()\nsay('main')\nlock.acquire()"
    with Hanging(tmp_path, source, within=PIDS_OF_ITS_OWN) as program:
        program.wait_for(lambda: program.said and program.at_semaphores())
        [(thread, lock)] = program.at_semaphores().items()
        assert thread != program.said["main"] == (1, 1)
        assert [claim[:2] for claim in program.look().locks[lock].holders] == [thread]
