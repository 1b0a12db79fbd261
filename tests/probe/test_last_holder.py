"""What only an earlier look knows: who had the lock of the dead, and for how long a loop is blocked."""

import os
import signal

import pytest
from under_watch import UnderWatch
from waiting import wait_until
from xrayed import Xrayed, needs_stacks

from procdemo.probe import hang, snapshot, stillness, wait_locks, xray_rows
from procdemo.probe.lock_holders import Claim, Lock, Look, State

HOLDS = """
def hold(lock):
    with lock:
        say("holder")
        time.sleep(600)

if __name__ == "__main__":
    lock = mp.Lock()
    child = start(hold, lock)
    while lock.acquire(False): lock.release()
    lock.acquire()
"""


def test_the_last_holder_is_named(tmp_path, start_method):
    with Xrayed(tmp_path, HOLDS, start_method) as program:
        program.wait_for(lambda: "holder" in program.said)
        pid, tid = program.said["holder"]

        def held():
            picture = snapshot.take(program.pid, search_s=60.0)
            return [lock.holders for lock in picture.locks.locks.values() if lock.holders] and picture

        earlier = wait_until(held, what="the holder is seen").locks
        os.kill(pid, signal.SIGKILL)

        def dead():
            verdict = hang.judge(snapshot.take(program.pid, search_s=60.0, earlier=earlier))
            return verdict if verdict.name == "deadlock" else None

        verdict = wait_until(dead, limit=20, what="the lock of the dead")
        assert f"the lock of the dead: PID {pid} had it and has ended" in verdict.answer
        facts = xray_rows.facts(verdict)
        assert (facts["holder"], facts["last_holder"]) == (None, {"pid": pid, "tid": tid})
        assert xray_rows.facts(program.judge())["last_holder"] is None, "it was not seen"


@pytest.mark.thorough
def test_watch_has_seen_the_last_holder(tmp_path, start_method):
    needs_stacks()
    with UnderWatch(tmp_path, HOLDS, start_method, watch=["--still", "0.5", "--timeout", "2"]) as watched:
        watched.wait_for(watched.pictures, limit=30, what="the picture at the time limit")
        holder = next(line.split() for line in watched.stdout.splitlines() if line.startswith("holder"))
        os.kill(int(holder[1]), signal.SIGKILL)
        watched.wait_for(lambda: len(watched.pictures()) > 1, limit=60, what="the picture of the hang")
        assert watched.pictures()[1]["last_holder"] == {"pid": int(holder[1]), "tid": int(holder[2])}


def test_a_holder_that_lives_is_not_the_one_that_died():
    lock = Lock("Lock", 1, 0, State.DEAD, (), Claim(os.getpid(), os.getpid(), 1))
    assert wait_locks.last_holder(lock) is None
    assert wait_locks.last_holder(lock._replace(last=Claim(2**22 + 1, 7, 1))).tid == 7


def test_what_is_known_of_a_lock_is_kept_when_a_later_look_does_not_ask_for_it():
    lock = Lock("Lock", 1, 0, State.HELD, (Claim(1, 1, 1),))
    one, two = Look({"a": lock}, 0, 0, ()), Look({"b": lock}, 9, 0, ())
    assert two.after(None) == two
    assert two.after(one) == two._replace(locks={"a": lock, "b": lock})


def test_how_long_a_loop_is_blocked_and_will_be(tmp_path):
    """Watch knows since when a thread stands still; for `select` the kernel says only for how long in all."""
    source = """
import asyncio, select
async def main():
    threading.Thread(target=select.select, args=([os.pipe()[0]], [], [], 600), daemon=True).start()
    time.sleep(600)
asyncio.run(main())
"""
    with Xrayed(tmp_path, source) as program:
        program.wait_verdict("sleeping", "blocks its event loop")
        picture = snapshot.take(program.pid)
        main, other = ((program.pid, tid) for tid in sorted(picture.processes[program.pid].threads))
        verdict = hang.judge(picture, None, {main: 60.5, other: 100.0})
        assert verdict.answer.endswith("s more, and blocks its event loop, for 60.5 s already")
        assert verdict.waits[other].left_s == 500.0
        assert hang.judge(picture).waits[other].left_s is None


def test_a_hang_is_the_same_though_its_sentence_has_another_time(tmp_path):
    with Xrayed(tmp_path, "import asyncio\nasyncio.run(asyncio.Event().wait())") as program:
        verdict = program.wait_verdict("stuck")
        assert stillness.same_hang(verdict, verdict._replace(answer="another"))
        assert not stillness.same_hang(verdict, verdict._replace(name="deadlock"))
