"""A supervisor at work in the main process of a demo, and workers of every kind."""

import contextlib
import os
import signal
import struct

from time_limit import TimeLimit

from procdemo.demo.settings import Settings, StartMethod
from procdemo.pools.supervisor import READY, Supervisor
from procdemo.runtime.runner import Runner

LIMIT_S = 10.0
LONG_S = 60.0


def serve(pipe, emit):
    """Answer with the item."""
    pipe.send(READY)
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send(("done", pipe.recv()))


def answer_and_die(pipe, emit):
    pipe.send(READY)
    pipe.send(("done", pipe.recv()))
    os.kill(os.getpid(), signal.SIGKILL)


def answer_by_half_and_die(pipe, emit):
    pipe.send(READY)
    pipe.recv()
    os.write(pipe.fileno(), struct.pack("!i", 1000) + b"half of wh")
    os.kill(os.getpid(), signal.SIGKILL)


def keep(pipe, emit):
    """Take an item and never answer."""
    pipe.send(READY)
    with contextlib.suppress(EOFError):
        pipe.recv()
        while True:
            signal.pause()


def say_nothing(pipe, emit):
    while True:
        signal.pause()


class Bomb:
    """Ends the process that unpickles it."""

    def __setstate__(self, state):
        os._exit(7)

    def __getstate__(self):
        return {"fuse": 0}


def explode(pipe, bomb, emit):
    raise AssertionError("this line is never reached")


class SupervisorRun:
    """A supervisor, and the answers that it has returned."""

    def __init__(self, config, emit, serve=serve, extra_args=()):
        self.workers = Supervisor(config.context(), serve, extra_args, emit)
        self.answers = []

    def until(self, condition, wanted=1):
        limit = TimeLimit(LIMIT_S)
        while not condition():
            assert not limit.passed, self.answers
            self.workers.start_missing_workers(wanted)
            self.answers += [(item, answer) for _, item, answer in self.workers.next_answers()]

    def idle(self, wanted=1):
        """Wait until so many are idle, and return them."""
        self.until(lambda: len(self.workers.idle) == wanted, wanted)
        return self.workers.idle


def run_as_main(scenario, start_method="fork", serve=serve, extra_args=(), *, silent=True):
    """Run ``scenario(run)`` as the main process of a demo, and return its events; fail if it fails.

    If `silent`, no process may write to stderr.
    """

    def main(config, emit):
        run = SupervisorRun(config, emit, serve, extra_args)
        with run.workers:
            scenario(run)
        run.workers.sum_up()
        emit.result("summary", ok=True)

    with Runner(main, Settings(start_method=StartMethod(start_method)), limit=120) as runner:
        events = list(runner)
    for event in events:
        assert event.name != "error", event.data.get("traceback")
        assert not (silent and event.name == "stderr"), event.data
    assert events[-1].data["ok"], events[-1]
    return events


def named(events, name):
    return [event.data for event in events if event.name == name]
