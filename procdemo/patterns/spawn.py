"""Start a process in two ways; what its parent knows of it.

What to watch:
  - start() makes a new process and calls run() in it: a PID of its own
  - if you call run() yourself, it runs in main: no new PID
  - the parent of a child is main; under forkserver it is the fork server
  - --terminate ends a child at once; --interrupt raises KeyboardInterrupt in
    it, so its finally runs

\b
  main --start()--> child-0: run() -> target()     the child's PID
  main --run()----> (no new process) target()      main's own PID

\b
Try:
  procdemo spawn
  procdemo spawn --children 3 --interrupt
  procdemo spawn --start-method forkserver

Compare with: echo-server, which starts a process for every client.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing import context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Annotated, Any, Literal

from procdemo.demo.events import SUMMARY, Emitter
from procdemo.demo.settings import Arg, CannotRunError, Settings, TimeArg
from procdemo.demo.states import Activity
from procdemo.process import ending, exit_status

BLOCKS = (ending, exit_status)
JOINED = "{child} is joined: is_alive {alive}, exitcode {exitcode}"
STORY = {
    "hello": "{way} runs here; my parent is {ppid}",
    "called run": "I called run() myself: it ran in my PID, {ran_in}",
    "started": "{child} is started: is_alive {alive}, exitcode {exitcode}",
    "finally": "my finally runs",
    **dict.fromkeys(("exited", "killed", "died"), JOINED),
    "counts": "{joined} of {started} children joined; start() took {mean_ms:.1f} ms on average",
    "summary": "start() made {started} processes with PIDs of their own; run() made none.",
}
FIRST = ("called run", "started", "exited")
DETAIL = {
    "not joinable": "join() of a process that was never started: {error}",
    "work.begin": "works for {seconds} s",
    "work.end": "work is done",
}
DETAIL_TABLES = ("children",)
LANES = {"joins": Activity.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Settings):
    """Settings of `run`."""

    style: Annotated[
        Literal["function", "subclass", "both"],
        Arg("Process(target=...), a subclass, or both."),
    ] = "both"
    children: Annotated[int, Arg("Number of children of each style.", min=1, max=1000, short="-n")] = 2
    work: Annotated[float, TimeArg("How long each child works.", min=0)] = 2.0
    daemon: Annotated[bool, Arg("Daemon children: they end with main, if main ends normally.")] = False
    terminate: Annotated[bool, Arg("End each child by terminate() at work.")] = False
    interrupt: Annotated[bool, Arg("End it by SIGINT: interrupt(), new in 3.14.")] = False


def work(way: str, seconds: float, gate: Connection | None, emit: Emitter) -> None:
    """Report in which process this runs, then work for `seconds`; tell the parent at the `gate`, if any."""
    emit.mark("hello", way=way, ppid=os.getppid())
    with ending.interruptible(gate):
        try:
            emit.begin("work", seconds=seconds)
            if gate:
                gate.send("at work")
            time.sleep(seconds)  # noqa: TID251 - the work itself
            emit.end("work")
        finally:
            if gate:
                emit.mark("finally")


class Worker:
    """The second way: a subclass of Process that brings its own run()."""

    def __init__(self, seconds: float, gate: Connection | None, emit: Emitter, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seconds, self.gate, self.emit = seconds, gate, emit

    def run(self) -> None:
        """Do what the child is for; start() calls this in the new process."""
        work("run() of a subclass", self.seconds, self.gate, self.emit)


class SpawnWorker(Worker, context.SpawnProcess):
    """A subclass must say which Process it extends: each start method has its own."""


WORKERS: dict[str, Callable[..., BaseProcess]] = {"spawn": SpawnWorker}
if hasattr(context, "ForkProcess"):

    class ForkWorker(Worker, context.ForkProcess):
        """The same for fork."""

    class ForkServerWorker(Worker, context.ForkServerProcess):
        """The same for forkserver."""

    WORKERS |= {"fork": ForkWorker, "forkserver": ForkServerWorker}


def make(way: str, name: str, config: Config, gate: Connection | None, emit: Emitter) -> BaseProcess:
    """Return a process that is not started yet and will work for the time that `config` says."""
    if way == "subclass":
        return WORKERS[config.start_method](config.work, gate, emit, name=name, daemon=config.daemon)
    args = ("the target function", config.work, gate, emit)
    return config.context().Process(target=work, args=args, name=name, daemon=config.daemon)


def run(config: Config, emit: Emitter) -> None:
    """Start children both ways, look at each from outside, join each."""
    ends = [ending.terminate] * config.terminate + [ending.interrupt] * config.interrupt
    if len(ends) > 1:
        raise CannotRunError("a child can be ended once", "--terminate or --interrupt", exit_code=2)
    children: list[tuple[str, BaseProcess, float]] = []
    gates: list[Connection] = []
    for way in ["function", "subclass"] if config.style == "both" else [config.style]:
        never_started = make(way, "never-started", replace(config, work=0), None, emit)
        never_started.run()
        emit.mark("called run", way=way, ran_in=os.getpid())
        try:
            never_started.join()
        except (AssertionError, AttributeError) as error:  # python -O leaves the assertion out
            emit.mark("not joinable", error=str(error))
        for _ in range(config.children):
            ours, theirs = config.context().Pipe(duplex=False) if ends else (None, None)
            child = make(way, f"child-{len(children)}", config, theirs, emit)
            before = time.perf_counter()
            child.start()
            ms = round((time.perf_counter() - before) * 1e3, 1)
            children.append((way, child, ms))
            emit.mark("started", child=child.name, ms=ms, alive=child.is_alive(), exitcode=child.exitcode)
            if ours and theirs:
                gates.append(ours)
                theirs.close()
    by, expected = (exit_status.MAIN, -15) if config.terminate else ("", 0)
    for (_, child, _), gate in zip(children, gates, strict=False):
        ending.end_at_work(child, gate, ends[0], emit)
    for way, child, ms in children:
        emit.begin("joins", child=child.name)
        child.join()
        emit.end("joins")
        ended = exit_status.Exit(child.name, child.pid or 0, child.exitcode, by)
        exit_status.report_exit(emit, ended, alive=child.is_alive())
        emit.result(
            "children", child=ended.name, way=way, pid=ended.pid, start_ms=ms, exitcode=ended.exitcode
        )
    bad = sum(child.exitcode != expected for _, child, _ in children)
    why = {"answer": f"{bad} of {len(children)} children did not end by themselves."} if bad else {}
    mean_ms = sum(ms for _, _, ms in children) / len(children)
    emit.result(SUMMARY, ok=not bad, started=len(children), joined=len(children), mean_ms=mean_ms, **why)
