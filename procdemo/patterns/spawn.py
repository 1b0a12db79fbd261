"""Two ways to start a process, and what a parent knows of its child.

What to watch: PIDs and parents. start() makes a new process and calls run() in it; calling
run() yourself runs the same code in the process you are in. Under forkserver the operating
system's parent of a child is the fork server, not the process that called start().

\b
  main --start()--> child-0: run() -> target()     the child's PID
  main --run()----> (nobody new) target()          main's own PID

\b
Try:
  procdemo spawn
  procdemo spawn --children 3 --work 0.5 --terminate
  procdemo spawn --start-method forkserver

Compare with: echo-server, which does this for every client.
"""

import os
import time
from dataclasses import dataclass
from multiprocessing import get_all_start_methods
from multiprocessing.process import BaseProcess
from typing import Annotated, Any, Literal

from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, Settings, StartMethod
from procdemo.demo.states import Activity

STORY = {
    "hello": "{way} runs here; my parent is {ppid}",
    "called run": "calling run() of a {way} myself: no new process, it ran in PID {ran_in}, which is mine",
    "not joinable": "join() of a process that was never started: {error}",
    "started": "start() of {child} took {ms:.1f} ms; is_alive {alive}, exitcode {exitcode}",
    "terminated": "terminate() sent to {child}; is_alive right after: {alive}",
    "joined": "join() of {child} returned; is_alive {alive}, exitcode {exitcode}",
    "summary": "{joined} of {started} children joined; start() took {mean_ms:.1f} ms on average",
}
DETAIL = {"work.begin": "works for {seconds} s", "work.end": "work is done"}
LANES = {"joins": Activity.WAITS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Settings):
    """Settings of `run`."""

    style: Annotated[Literal["function", "subclass", "both"], Arg("Which way of the two.")] = "both"
    children: Annotated[int, Arg("Children to start, of each style.", min=1, max=1000, short="-n")] = 2
    work: Annotated[float, Arg("How long each child works.", min=0, metavar="SECONDS")] = 0.1
    daemon: Annotated[bool, Arg("Daemon children: ended when main ends, if it ends normally.")] = False
    terminate: Annotated[bool, Arg("End each child by terminate() while it works.")] = False


def work(way: str, seconds: float, emit: Emitter) -> None:
    """Say who runs this, then work for `seconds`."""
    emit.mark("hello", way=way, ppid=os.getppid())
    emit.begin("work", seconds=seconds)
    time.sleep(seconds)  # noqa: TID251 - the work itself
    emit.end("work")


class Worker:
    """The second way: a subclass of Process that brings its own run()."""

    def __init__(self, seconds: float, emit: Emitter, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seconds = seconds
        self.emit = emit

    def run(self) -> None:
        """Do what the child is for; start() calls this in the new process."""
        work("run() of a subclass", self.seconds, self.emit)


# A subclass must say which Process it extends, and each start method has its own. The names
# are the module's, because spawn and forkserver pickle the object and look its class up by name.
WORKERS: dict[str, Any] = {}
for method in map(StartMethod, get_all_start_methods()):
    bases = (Worker, Settings(start_method=method).context().Process)
    name = f"Worker_{method}"
    WORKERS[method] = globals()[name] = type(name, bases, {"__module__": __name__})


def make(way: str, name: str, seconds: float, config: Config, emit: Emitter) -> BaseProcess:
    """Return a process that is not started yet and will work for `seconds`."""
    if way == "subclass":
        worker: BaseProcess = WORKERS[config.start_method](seconds, emit, name=name, daemon=config.daemon)
        return worker
    args = ("the target function", seconds, emit)
    return config.context().Process(target=work, args=args, name=name, daemon=config.daemon)


def run(config: Config, emit: Emitter) -> None:
    """Start children both ways, look at each from outside, join each."""
    ways = ["function", "subclass"] if config.style == "both" else [config.style]
    children: list[tuple[str, BaseProcess, float]] = []
    for way in ways:
        never_started = make(way, "never-started", 0, config, emit)
        never_started.run()
        emit.mark("called run", way=way, ran_in=os.getpid())
        try:
            never_started.join()
        except AssertionError as error:
            emit.mark("not joinable", error=str(error))
        for _ in range(config.children):
            child = make(way, f"child-{len(children)}", config.work, config, emit)
            before = time.perf_counter()
            child.start()
            ms = (time.perf_counter() - before) * 1e3
            children.append((way, child, ms))
            emit.mark("started", child=child.name, ms=ms, alive=child.is_alive(), exitcode=child.exitcode)
    if config.terminate:
        for _, child, _ in children:
            child.terminate()
            emit.mark("terminated", child=child.name, alive=child.is_alive())
    expected = -15 if config.terminate else 0
    for _, child, _ in children:
        emit.begin("joins")
        child.join()
        emit.end("joins")
        emit.mark("joined", child=child.name, alive=child.is_alive(), exitcode=child.exitcode)
    for way, child, ms in children:
        row = {"pid": child.pid, "start_ms": round(ms, 1), "exitcode": child.exitcode}
        emit.result("children", child=child.name, way=way, **row)
    ok = all(child.exitcode == expected for _, child, _ in children)
    mean_ms = sum(ms for _, _, ms in children) / len(children)
    emit.result("summary", ok=ok, started=len(children), joined=len(children), mean_ms=mean_ms)
