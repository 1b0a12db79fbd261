"""A pool, and what becomes of its tasks; each scenario runs as the main process of a demo."""

import os
import signal
from dataclasses import dataclass
from multiprocessing import resource_tracker

from processes import processes, waits_in
from time_limit import TimeLimit

from procdemo.demo.settings import Settings, StartMethod
from procdemo.pools.resilient_pool import PoolSettings, ResilientPool
from procdemo.process.selector_loop import SelectorLoop
from procdemo.runtime.runner import Runner

WORKERS = 2
LIMIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(PoolSettings, Settings):
    """Settings of the main process."""


class PoolRun:
    """A pool, and what has become of its tasks."""

    def __init__(self, config, emit, workers=WORKERS, extra_args=()):
        self.loop = SelectorLoop()
        self.done, self.lost, self.results = [], [], []
        self.workers = workers
        self.pool = ResilientPool(
            config.context(),
            workers,
            emit,
            self.loop,
            extra_args=extra_args,
            on_done=self.done.append,
            on_lost=self.lost.append,
            on_idle=lambda: None,
        )

    def until(self, condition, limit=LIMIT_S):
        time_limit = TimeLimit(limit)
        while not condition():
            assert not time_limit.passed, (self.done, self.lost, self.pool.idle, self.pool.pids)
            self.loop.run_once(0.02)

    def all_idle(self):
        self.until(lambda: self.pool.idle == self.workers and len(set(self.pool.pids)) == self.workers)

    def give(self, func, *args, conn=None):
        return self.pool.apply_async(func, args, conn=conn, callback=self.results.append)

    def in_hand(self, task):
        self.until(lambda: task.pid)
        return task.pid


def run_as_main(scenario, start_method="fork"):
    """Run `scenario` as the main process of a demo, and return its events; fail here if it fails there."""
    with Runner(scenario, Config(start_method=StartMethod(start_method)), limit=120) as runner:
        events = list(runner)
    for event in events:
        assert event.name != "error", event.data.get("traceback")
        assert event.name != "stderr", b"\n".join(each["text"] for each in named(events, "stderr")).decode()
    assert events[-1].data["ok"], events[-1]
    return events


def named(events, name):
    """Return the data of the events of this name."""
    return [event.data for event in events if event.name == name]


def reads(pid):
    """Return whether this is the idle worker that has the lock of the queue."""
    return "pipe_read" in waits_in(pid)


def processes_under_me():
    """Return the PIDs of all children of this process but the resource tracker."""
    tracker = resource_tracker._resource_tracker._pid
    return [pid for pid, process in processes().items() if process.parent == os.getpid() and pid != tracker]


# --- tasks


def tell_pid(number, emit):
    emit.mark("at work", number=number)
    return number, os.getpid()


def work_until_killed(emit):
    emit.mark("at work")
    signal.pause()
