"""What the kernel says of processes, compared with what they do."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from waiting import wait_until

from procdemo.process import procfs

GONE = 2**22 + 1  # above the largest PID there can be


@pytest.fixture
def child(request):
    """A Python that runs the code of the test's mark, and the end of a pipe to it."""
    code = f"import os, sys, threading, time, select, signal\n{request.param}"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.stdin.close()
    process.wait()


def doing(code, call):
    """Run `code` in the child, and wait until its main thread is in this system call."""
    return pytest.mark.parametrize(("child", "call"), [(code, call)], indirect=["child"])


def main_thread(process, call):
    def there():
        threads = procfs.threads(process.pid)
        return threads[0] if threads and threads[0].call == call and threads[0].state == "S" else None

    return wait_until(there, what=call)


@doing("os.read(0, 1)", "read")
def test_a_reader(child, call):
    thread = main_thread(child, call)
    assert thread.fds == (0,)
    mine = procfs.descriptors(os.getpid())[child.stdin.fileno()]
    theirs = procfs.descriptors(child.pid)[0]
    assert mine.target == theirs.target
    assert (mine.reads, mine.writes) == (False, True)
    assert (theirs.reads, theirs.writes) == (True, False)


@doing("p = select.poll(); p.register(0, 1); p.register(2, 8); p.poll()", "poll")
def test_a_poll(child, call):
    assert main_thread(child, call).fds == (0, 2)


@doing("pid = os.fork()\nif pid == 0: os.read(0, 1)\nos.waitpid(pid, 0)", "wait4")
def test_a_wait_for_a_child(child, call):
    thread = main_thread(child, call)
    assert procfs.descendants(child.pid).keys() == {thread.child}
    assert procfs.parent(thread.child) == child.pid
    assert procfs.command(thread.child) == procfs.command(child.pid)
    os.write(child.stdin.fileno(), b"x")  # it ends, and then its parent does
    child.wait()


@doing(
    "import multiprocessing as m; lock = m.get_context('fork').Lock(); lock.acquire(); lock.acquire()",
    "futex",
)
def test_a_wait_for_a_lock_of_processes(child, call):
    device, _, inode = main_thread(child, call).semaphore.rpartition(":")
    assert device != "00:00"
    assert inode.isdigit()


@doing("lock = threading.Lock(); lock.acquire(); lock.acquire()", "futex")
def test_a_wait_for_a_lock_of_threads(child, call):
    assert main_thread(child, call).semaphore == ""


@doing("threading.Thread(target=os.read, args=(0, 1)).start(); time.sleep(60)", "clock_nanosleep")
def test_all_its_threads(child, call):
    main_thread(child, call)
    threads = wait_until(lambda: len(both := procfs.threads(child.pid)) == 2 and both)
    assert [thread.tid == child.pid for thread in threads] == [True, False]


@doing("time.sleep(60)", "clock_nanosleep")
def test_activity(child, call):
    main_thread(child, call)
    runs, turns = procfs.activity([child.pid])
    assert not runs
    assert (runs, turns) == procfs.activity([child.pid])


@pytest.mark.parametrize("child", ["while True: pass"], indirect=True)
def test_activity_of_a_busy_process(child):
    wait_until(lambda: procfs.activity([child.pid])[0], what="it runs")


def test_a_process_that_is_gone_is_left_out():
    assert procfs.threads(GONE) == []
    assert procfs.descriptors(GONE) == {}
    assert procfs.command(GONE) == ""
    assert procfs.parent(GONE) == 0
    assert procfs.activity([GONE]) == (False, [])
    assert procfs.stat(GONE) is procfs.stat(os.getpid(), GONE) is None
    assert procfs.children(GONE) == []


def test_a_zombie_has_no_command_line():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        wait_until(lambda: procfs.descendants(os.getpid()).get(pid) == "Z", what="a zombie")
        assert procfs.command(pid) == ""
    finally:
        os.waitpid(pid, 0)


def test_the_fields_of_a_process_whose_name_is_odd():
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        Path("/proc/self/comm").write_bytes(b") S 1 (\xff")
        os.write(write, b"!")
        signal.pause()
    os.read(read, 1)
    os.close(read)
    os.close(write)
    found = procfs.stat(pid)
    assert (found.parent, found.group, found.alive) == (os.getpid(), pid, True)
    assert dict(procfs.processes())[pid].start_ticks == found.start_ticks >= procfs.stat("self").start_ticks
    assert procfs.children(os.getpid()).count(pid) == 1
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not procfs.stat(pid).alive, what="a zombie")
    os.waitpid(pid, 0)
    assert procfs.stat(pid) is None


def test_processes_of_another_numbering_are_not_taken_for_ours(monkeypatch):
    """As under ``unshare --pid`` without a new /proc."""
    monkeypatch.setattr(os, "getpid", lambda: GONE)
    assert list(procfs.processes()) == []


def test_the_time_of_birth():
    before = time.monotonic_ns()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, str(procfs.born_ns()).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    born = int(os.read(read, 30))
    os.close(read)
    os.close(write)
    assert before - 10_000_000 <= born <= time.monotonic_ns()
