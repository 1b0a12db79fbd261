"""Orphans are adopted, and killed if they were started after a time."""

import os
import signal
import time

from waiting import wait_until

from procdemo.process import procfs, subreaper


def sleeping():
    pid = os.fork()
    if pid == 0:
        while True:
            signal.pause()
    return pid


def boot_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)  # of which the kernel counts the ticks


def test_only_children_that_are_young_enough_are_killed():
    old = sleeping()
    wait_until(lambda: (boot_ns() // 10**7) > procfs.stat(old).start_ticks, what="another tick")
    since = boot_ns() + 20_000_000
    wait_until(lambda: boot_ns() > since, what="more ticks")
    young = sleeping()
    subreaper.kill_children(since, lambda _: True)
    wait_until(lambda: not procfs.stat(young).alive, what="the end of the young one")
    assert os.waitstatus_to_exitcode(os.waitpid(young, 0)[1]) == -signal.SIGKILL
    assert procfs.stat(old).alive
    os.kill(old, signal.SIGKILL)
    os.waitpid(old, 0)


def test_an_orphan_becomes_a_child():
    read, write = os.pipe()
    parent = os.fork()
    if parent == 0:
        subreaper.adopt_orphans()
        middle = os.fork()
        if middle == 0:
            os.write(write, str(sleeping()).encode())
            os._exit(0)
        os.waitpid(middle, 0)
        orphan = int(os.read(read, 20))
        os.kill(orphan, signal.SIGKILL)
        os._exit(os.waitpid(orphan, 0) != (orphan, signal.SIGKILL))
    os.close(read)
    os.close(write)
    assert os.waitpid(parent, 0)[1] == 0
