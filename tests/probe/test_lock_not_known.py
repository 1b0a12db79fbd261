"""Who holds a lock is *not known* rather than told wrongly."""

import os

import pytest
from hanging import TWO_LOCKS, Hanging

from procdemo.probe import lock_holders
from procdemo.probe.lock_holders import State
from procdemo.process import procfs


def test_a_copy_of_a_claim_and_the_new_holder_cannot_be_told_apart(tmp_path):
    source = """
lock, taken = mp.Lock(), mp.Event()
def take():
    lock.acquire()
    say("holder")
    taken.set()
    signal.pause()
lock.acquire()
if os.fork() == 0:
    signal.pause()
lock.release()
start(take)
taken.wait()
say("main")
lock.acquire()
"""
    with Hanging(tmp_path, source) as program:
        waits = program.wait_hang("main")
        lock = program.look().locks[waits["main"]]
        assert (lock.state, lock.holders, len(lock.claims)) == (State.UNKNOWN, (), 2)
        assert program.said["holder"] in [claim[:2] for claim in lock.claims]


def test_without_time_nothing_is_claimed(tmp_path):
    with Hanging(tmp_path, TWO_LOCKS) as program:
        waits = program.wait_hang("one", "two")
        found = program.look(budget_s=0.0)
        assert found.searched == 0 < found.unsearched
        assert {found.locks[lock].state for lock in waits.values()} == {State.UNKNOWN}
        assert found.locks[waits["one"]].value == 0


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become a user without rights")
def test_a_memory_that_is_closed_to_us(tmp_path):
    with Hanging(tmp_path, TWO_LOCKS) as program:
        program.wait_hang("one", "two")
        family = program.family
        read, write = os.pipe()
        if (child := os.fork()) == 0:
            try:
                os.setuid(65534)
                os.write(write, " ".join(map(str, program.look().closed)).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(write)
        assert set(map(int, os.read(read, 1000).split())) == set(family)
        os.close(read)


def test_the_process_that_holds_the_lock_is_not_among_those_to_search(tmp_path, start_method):
    with Hanging(tmp_path, TWO_LOCKS, start_method) as program:
        waits = program.wait_hang("one", "two")
        found = lock_holders.look([program.pid], set(waits.values()), budget_s=60)
        assert found.closed == ()
        assert {lock.state for lock in found.locks.values()} == {State.UNKNOWN}


def test_a_thread_that_runs_may_just_have_taken_the_lock(tmp_path):
    source = """
def spin():
    say("spinner")
    while not os.path.exists(__file__ + ".stop"): pass
lock = mp.Lock()
start(lock.acquire).join()
threading.Thread(target=spin).start()
say("main")
lock.acquire()
"""
    with Hanging(tmp_path, source) as program:
        program.wait_for(lambda: "spinner" in program.said)
        waits = program.wait_hang("main")
        assert program.look().locks[waits["main"]].state is State.UNKNOWN
        (tmp_path / "script.py.stop").touch()
        program.wait_dead(waits["main"])


@pytest.mark.parametrize("place", ["Barrier(3)", "Condition()"])
def test_who_comes_next_to_a_barrier_or_a_condition(tmp_path, start_method, place):
    source = f"""
def arrive(name, place):
    say(name)
    with place if hasattr(place, "notify") else threading.Lock():
        place.wait()

if __name__ == "__main__":
    place = mp.{place}
    children = [start(arrive, name, place) for name in ("one", "two")]
    for child in children: child.join()
"""
    with Hanging(tmp_path, source, start_method) as program:

        def both():
            waits = program.at_semaphores()
            return len(waits) == 2 and len(set(waits.values())) == 1 and waits

        number = program.wait_for(both, what="both wait to be woken").popitem()[1]
        found = program.look().locks
        assert (found[number].kind, found[number].holders) == ("Semaphore", ())
        assert {lock.state for lock in found.values()} == {State.UNKNOWN, State.FREE}


def test_zombies_and_the_gone_keep_nothing_from_being_known(tmp_path):
    source = """
lock = mp.Lock()
child = start(lock.acquire)
os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
say("main")
lock.acquire()
"""
    with Hanging(tmp_path, source) as program:
        waits = program.wait_hang("main")
        pids = [program.pid, *procfs.children(program.pid), 2**22 + 1]
        assert len(pids) == 3
        program.wait_dead(waits["main"])
        found = lock_holders.look(pids, budget_s=60)
        assert (found.closed, found.locks[waits["main"]].state) == ((), State.DEAD)


def test_locks_of_a_program_that_works_are_never_of_the_dead(tmp_path):
    source = """
def work(lock, rlock, bounded):
    while True:
        with lock, rlock, bounded: pass
locks = mp.Lock(), mp.RLock(), mp.BoundedSemaphore(2)
children = [start(work, *locks) for _ in range(3)]
say("main")
children[0].join()
"""
    with Hanging(tmp_path, source) as program:
        program.wait_for(lambda: "main" in program.said and len(program.family) == 4)
        for _ in range(10):
            found = program.look().locks
            assert {lock.kind for lock in found.values()} == {"Lock", "RLock", "BoundedSemaphore"}
            assert State.DEAD not in {lock.state for lock in found.values()}
