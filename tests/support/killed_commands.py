"""A command that runs a demo, to be killed in many ways; and proof that nothing of the demo is left."""

import contextlib
import os
import random
import resource
import select
import signal
from dataclasses import dataclass
from multiprocessing import resource_tracker

from processes import command_line, tree
from time_limit import TimeLimit
from waiting import wait_until

from procdemo.demo.settings import Settings, StartMethod
from procdemo.runtime.runner import Runner

PROMISED_S = 1.0


class KilledCommand:
    """A forked command in a process group of its own, and all processes under it."""

    def __init__(self, run, config, marks=0):
        """Run a demo, and wait until it has reported that many marks ``here``."""
        read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.setpgid(0, 0)
            os.close(read)
            try:
                with Runner(run, config) as runner:
                    os.write(write, f"{runner._guardian.pid} {runner.pid}\n".encode())
                    for event in runner:
                        if event.name == "here":
                            os.write(write, b"here\n")
                        elif event.name in {"error", "stderr"}:
                            os.write(write, f"{event.name}: {event.data}\n".encode())
            finally:
                os._exit(0)
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, self.pid)
        os.close(write)
        said = b""
        while b"\n" not in said or said.count(b"here") < marks:
            piece = os.read(read, 4096)
            assert piece, said.decode()
            said += piece
        self.read = read
        self.guardian, self.main = map(int, said.split(maxsplit=2)[:2])

    def members(self):
        """Return the processes of the demo, without a resource tracker: while stopped, that cannot end."""
        below = {pid for pid in survivors() if "resource_tracker" not in command_line(pid)}
        return below - {self.pid, self.guardian}

    def kill_later(self, target, longest):
        """Kill at a random moment."""
        select.select([], [], [], random.uniform(0, longest))
        self.kill(target)

    def kill(self, target):
        """Kill the command; its group; or the command and the guardian at the same moment."""
        if target == "both":
            os.kill(self.guardian, signal.SIGKILL)
        (os.killpg if target == "group" else os.kill)(self.pid, signal.SIGKILL)

    def gone_in_time(self, within=PROMISED_S):
        """Return what still lives a second after the death of the command; none of it does afterwards."""
        os.waitpid(self.pid, 0)
        limit = TimeLimit(within)
        while (left := survivors()) and not limit.passed:
            select.select([], [], [], 0.002)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(all_reaped, what="the end of all processes")
        os.close(self.read)
        return left


def survivors():
    """Reap the orphans that came to this process; return what lives below it without its own tracker."""
    own = os.getpid()
    left = {}
    for pid, process in tree(own).items():
        if pid == resource_tracker._resource_tracker._pid:
            continue
        if process.alive:
            left[pid] = process
        elif process.parent == own:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
    return left


def all_reaped():
    """Reap orphans; return whether none is left, not even a zombie whose parent has yet to end."""
    survivors()
    return not tree(os.getpid()).keys() - {resource_tracker._resource_tracker._pid}


# --- what the demo does


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour(Settings):
    """Settings of `behaving`."""

    how: str


def behave(how, emit):
    """Be a process of a demo, in a way that is hard to end."""
    if how == "setsid":
        os.setsid()
    elif how == "double fork":
        if os.fork():
            os._exit(0)
        os.setsid()
        if os.fork():
            os._exit(0)
    elif how == "no free descriptor":
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        with contextlib.suppress(OSError):
            while True:
                os.dup(0)
    emit.mark("here")
    if how == "busy":
        sum(range(10**10))  # a C call that does not release the GIL, for minutes
    while True:
        signal.pause()


def behaving(config, emit):
    """Start two processes that behave so."""
    for _ in range(2):
        config.context().Process(target=behave, args=(config.how, emit)).start()
    while True:
        signal.pause()


def nothing():
    """Be a child that ends at once."""


def starting_all_the_time(config, emit):
    """Start and join processes."""
    emit.mark("here")
    while True:
        child = config.context().Process(target=nothing)
        child.start()
        child.join()


def make_names(method, emit):
    """Make semaphores and shared memory, and forget them."""
    context = Settings(start_method=StartMethod(method)).context()
    emit.mark("here")
    while True:
        kept = [context.Lock(), context.Event(), context.Array("b", 10)]
        del kept


def storm(config, emit):
    """Make semaphores and shared memory all the time, in three processes."""
    for _ in range(2):
        config.context().Process(target=make_names, args=(config.start_method, emit)).start()
    make_names(config.start_method, emit)


def pool(config, emit):
    """Give a Pool something to do."""
    with config.context().Pool(2) as workers:
        emit.mark("here")
        while True:
            workers.map(abs, range(100), chunksize=1)


DEMOS = {"starts": starting_all_the_time, "storm": storm, "pool": pool}


def behaviour(start_method, how):
    """Return the settings of `behaving`."""
    return Behaviour(start_method=StartMethod(start_method), how=how)
