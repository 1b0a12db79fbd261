"""A Python script that hangs on purpose, and is looked at from outside."""

import os
import subprocess
import sys
from functools import cache

from harness import Command
from waiting import wait_until

from procdemo.probe import lock_holders
from procdemo.process import procfs

PYTHON = os.environ.get("PROBED_PYTHON", sys.executable)  # e.g. a newer one than that of the tests
START = """
import multiprocessing, os, signal, subprocess, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of fork() beside a thread, from 3.12 on
mp = multiprocessing.get_context(sys.argv[1])

def say(name):
    os.write(1, f"{name} {os.getpid()} {threading.get_native_id()}\\n".encode())

def start(function, *args):
    process = mp.Process(target=function, args=args, daemon=True)
    process.start()
    return process
"""
TWO_LOCKS = """
def hold_both(name, first, second, gate):
    with first:
        gate.wait()
        say(name)
        with second:
            pass

if __name__ == "__main__":
    a, b, gate = mp.Lock(), mp.Lock(), mp.Barrier(2)
    children = [start(hold_both, "one", a, b, gate), start(hold_both, "two", b, a, gate)]
    for child in children: child.join()
"""


@cache
def probed_version():
    """Return the version of `PYTHON`, e.g. (3, 14)."""
    code = "import sys; print(*sys.version_info[:2])"
    told = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)
    major, minor = told.stdout.split()
    return int(major), int(minor)


class Hanging(Command):
    """The script, under a start method; its threads call ``say(NAME)`` before they may hang."""

    def __init__(self, tmp_path, source, start_method="fork", within=(), **options):
        script = tmp_path / "script.py"
        script.write_text(START + source)
        super().__init__(str(script), start_method, program=[*within, PYTHON, "-u"], **options)

    @property
    def family(self):
        """Its PID and those of all its descendants."""
        alive = [pid for pid, state in procfs.descendants(self.pid).items() if state not in "ZX"]
        return [self.pid, *alive]

    @property
    def said(self):
        """Which thread called itself so: its process and its number."""
        lines = [line.split() for line in self.stdout.splitlines(keepends=True) if line.endswith("\n")]
        return {name: (int(pid), int(tid)) for name, pid, tid in lines}

    def at_semaphores(self):
        """Return which thread waits at which semaphore."""
        return {
            (pid, thread.tid): thread.semaphore
            for pid in self.family
            for thread in procfs.threads(pid)
            if thread.state == "S" and thread.semaphore
        }

    def wait_hang(self, *names):
        """Wait until these threads wait at semaphores; return, by name, at which."""

        def all_there():
            waits = self.at_semaphores()
            found = {name: waits[thread] for name, thread in self.said.items() if thread in waits}
            return found if found.keys() >= set(names) else None

        self.wait_for(lambda: self.said.keys() >= set(names), what=f"{names} have started")
        wait_until(lambda: self.said.keys() >= set(names) and all_there() and all_there() == all_there())
        return all_there()

    def look(self, semaphores=None, earlier=None, budget_s=60.0):
        """Return who holds what; on a busy machine a search takes long."""
        return lock_holders.look(self.family, semaphores, earlier, budget_s)

    def wait_dead(self, number, earlier=None):
        """Wait until this is the lock of the dead, as soon as no thread runs any more; return it."""

        def dead():
            lock = self.look({number}, earlier).locks[number]
            return lock if lock.state is lock_holders.State.DEAD else None

        return wait_until(dead, what="the lock of the dead")
