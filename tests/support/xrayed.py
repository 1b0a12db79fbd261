"""A program that runs, and the verdict on it from outside."""

import subprocess
import sys
from functools import cache

import pytest
from hanging import Hanging
from waiting import wait_until

from procdemo.demo.settings import CannotRunError
from procdemo.probe import hang, live_stacks, snapshot
from procdemo.probe.own_line import own_frame, source

HANGS = ("deadlock", "stuck")


@cache
def why_no_stacks():
    """Return why the stacks of a live process cannot be read here; empty if they can."""
    try:
        live_stacks.find_py_spy()
    except CannotRunError:
        return "needs py-spy: pip install '.[xray]'"
    program = [sys.executable, "-c", "print(1, flush=True); input()"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.read(1)
        answer = live_stacks.ask(process.pid)
        process.communicate(b"\n")
    return f"needs the right to read stacks: the process {answer.problem}" if answer.problem else ""


def needs_stacks():
    """Skip the test if the stacks of a live process cannot be read here."""
    if why := why_no_stacks():
        pytest.skip(why)


class Xrayed(Hanging):
    """The program, under a start method."""

    def __init__(self, *args, **options):
        needs_stacks()
        super().__init__(*args, **options)

    def judge(self):
        """Return the verdict at this moment."""
        return hang.judge(snapshot.take(self.pid, search_s=60.0))  # on a busy machine a search takes long

    def wait_verdict(self, name, says=""):
        """Wait until this is the verdict, with these words in the answer; return it.

        If the program does not hang, it must not be said at any moment that it does.
        """

        def reached():
            verdict = self.judge()
            processes = verdict.context.snapshot.processes.values()
            silent = [
                process.problem for process in processes if process.problem.startswith("does not answer")
            ]
            last[:] = [f"{verdict.name}: {verdict.answer}", *silent]
            assert name in HANGS or verdict.name not in HANGS, last
            # On a busy machine py-spy may fail: then there is a verdict, but there are no lines.
            return verdict if verdict.name == name and says in verdict.answer and not silent else None

        last = [""]
        try:
            return wait_until(reached, limit=20, what=f"{name}: {says}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the last was {'; '.join(last)}\n{self.stderr}") from None


def lines(verdict):
    """Return what the source has in the line of each thread of the circle."""
    found = []
    for pid, tid in verdict.circle:
        frame = own_frame(verdict.context.snapshot.processes[pid].threads[tid].stack)
        found.append(source(pid, frame) if frame else "")
    return found
