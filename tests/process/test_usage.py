"""What a process tree uses: members that live, and members that have ended."""

import os
import signal
import subprocess
import sys
import time

from procdemo.process.usage import CpuUsage, ThreadUsage, amount_of, process_tree, tree_cpu_s, tree_own_kib

NEST = """
import os, sys, threading
read, write = os.pipe()
def child():
    if not os.fork():
        if not os.fork():
            os.write(write, b".")
            sys.stdin.read(1)
            os._exit(0)
        os.wait()
        os._exit(0)
    os.wait()
thread = threading.Thread(target=child)  # the kernel lists children by the thread that made them
thread.start()
os.read(read, 1)
print("there", flush=True)
thread.join()
"""
SPENT = """
import os, time
if not os.fork():
    while time.process_time() < 0.3:
        pass
    os._exit(0)
os.wait()
print("spent", flush=True)
input()
"""


def test_children_of_threads_and_grandchildren_are_in_the_tree():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", NEST], **pipes) as process:
        assert process.stdout.readline() == b"there\n"
        members = process_tree(process.pid)
        assert members[0] == process.pid
        assert len(members) == 3
        assert tree_own_kib(process.pid) > tree_own_kib(members[-1]) > 0
        process.communicate(b".")


def test_the_cpu_time_of_ended_members_counts():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", SPENT], **pipes) as process:
        assert process.stdout.readline() == b"spent\n"
        assert process_tree(process.pid) == [process.pid]
        assert tree_cpu_s(process.pid) > 0.2
        process.communicate(b"\n")


def test_the_clock_of_a_process_is_its_cpu_time_to_the_microsecond():
    first, before, ours = time.process_time(), tree_cpu_s(os.getpid()), time.process_time()
    while time.process_time() < ours + 0.005:
        pass
    used = tree_cpu_s(os.getpid()) - before
    assert 0.005 <= used <= time.process_time() - first + 0.001


def test_a_tree_that_is_gone_has_nothing():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert (tree_cpu_s(process.pid), tree_own_kib(process.pid)) == (0, 0)


def test_own_work_is_not_that_of_others():
    before = tree_cpu_s(os.getpid())
    with CpuUsage(1) as machine:
        sum(range(10_000_000))
    assert machine.wall_s > 0
    everything = machine.share_of_others(0)
    assert machine.share_of_others(tree_cpu_s(os.getpid()) - before) < everything


def test_the_amount_of_work_for_a_time():
    def work(amount):
        sum(range(int(amount)))

    assert amount_of(work, 0.2) > amount_of(work, 0.02) > 20_000


def test_a_thread_that_waits_for_a_cpu_is_busy_too():
    """Two processes that never pause, on one CPU: each has half of it, and could always run."""
    usable = os.sched_getaffinity(0)
    cpu = min(usable)

    def spin():
        os.sched_setaffinity(0, {cpu})
        before, begin = ThreadUsage.now(), time.monotonic()
        while (seconds := time.monotonic() - begin) < 0.5:
            pass
        return ThreadUsage.now().share(before, seconds)

    rival = os.fork()
    if not rival:
        os.sched_setaffinity(0, {cpu})
        while True:
            pass
    try:
        for _ in range(5):  # others may have had the CPU, or the machine may have stood still
            own = spin()
            if own.cpu_s < 0.8 and own.busy_s > 0.9:
                break
    finally:
        os.kill(rival, signal.SIGKILL)
        os.waitpid(rival, 0)
        os.sched_setaffinity(0, usable)
    assert own.cpu_s < 0.8
    assert own.busy_s > 0.9
