"""The same work in one thread, N threads, N processes.

What to watch:
  - does it get faster? CPU time divided by elapsed time is the number of
    CPUs at work. How late is another thread (the ticker)?
  - --work cpu: the threads share one CPU, because the GIL (global
    interpreter lock) lets one of them run Python. It changes hands every 5 ms
    (sys.setswitchinterval)
  - processes have a CPU each. So have sub-interpreters (Python 3.14 and
    later) and the threads of a free-threaded build
  - --work wait: threads are as good, because a thread that waits gives the
    GIL back. --work call: one C call keeps it

\b
Try:
  procdemo gil
  procdemo gil --work wait --workers 8
  procdemo gil --work call
  taskset -c 0 procdemo gil

Compare with: procdemo lab gil-cpu, the same as a script; procdemo spawn, what a process costs.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from statistics import median
from typing import Annotated, Any, Literal

from procdemo.demo.events import INCONCLUSIVE, SUMMARY, Emitter
from procdemo.demo.settings import Arg, CannotRunError, Settings, usable_cpus
from procdemo.demo.states import Activity
from procdemo.process import python_build
from procdemo.process.latency_probe import LatencyProbe
from procdemo.process.speed_up import UNCLEAR, in_words
from procdemo.process.usage import BUSY, CpuUsage, amount_of

BLOCKS = (python_build,)
STORY = {
    "build": "this Python has {gil}; the work takes {seconds} s alone",
    "way": "{way}: {wall_s:.2f} s, {cpus:.1f} CPUs, ticker {late_ms:.0f} ms late",
    "too busy": "warning: other programs used {others:.0%} of the CPUs",
    "summary": "{verdict}: {threads:.1f} times as fast in threads, {processes:.1f} in processes{more}",
}
DETAIL = {"work.begin": "{where} starts its work", "work.end": "{where} has done its work"}
DETAIL_TABLES = ("ways",)
THREADS = ("main", "worker")
LANES = {"@main": Activity.WAITS, "@worker": Activity.WAITS}
ROUNDS = 3  # of each way: their least and their most time show how certain the figures are
Work = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Settings):
    """Settings of `run`."""

    work: Annotated[Literal["cpu", "wait", "call"], Arg("Run Python code, wait, or make one C call.")] = "cpu"
    workers: Annotated[int, Arg("Number of threads, processes, interpreters.", min=2, max=64)] = max(
        usable_cpus(), 2
    )
    seconds: Annotated[
        float, Arg("How long each piece of work takes alone.", min=0.05, max=60, metavar="SECONDS")
    ] = 0.25


def compute(steps: float) -> None:
    """Be busy in Python."""
    for _ in range(int(steps)):
        pass


def call(steps: float) -> None:
    """Be busy in C, in a call that never releases the GIL."""
    sum(range(int(steps)))


def work_when_told(work: Work, pieces: list[float], gate: Connection, where: str, emit: Emitter) -> None:
    """Do the pieces of work each time the gate opens, and send back their CPU time."""
    with gate:
        gate.send("ready")
        while gate.recv():
            before = time.thread_time()
            for amount in pieces:
                emit.begin("work", where=where)
                work(amount)
                emit.end("work", where=where)
            gate.send(time.thread_time() - before)


def ways(work: Work, n: int, context: Any) -> Iterator[tuple[str, Callable[..., Any], list[Work]]]:
    """Yield each way: its name, what makes its workers, and the work of each of them."""
    yield "one thread", threading.Thread, [work]
    yield f"{n} threads", threading.Thread, [work] * n
    yield f"{n} processes", context.Process, [work] * n
    if python_build.has_interpreters():  # a thread calls its own one, and has the GIL of that
        interpreters = [python_build.new_interpreter() for _ in range(n)]
        yield f"{n} interpreters", threading.Thread, [partial(each.call, work) for each in interpreters]
        for interpreter in interpreters:
            interpreter.close()


def run(config: Config, emit: Emitter) -> None:
    """Do as many pieces of work as there are workers, in each way, some rounds; compare the times."""
    work = {"cpu": compute, "wait": time.sleep, "call": call}[config.work]  # noqa: TID251 - the work itself
    amount = config.seconds if config.work == "wait" else amount_of(work, config.seconds)
    emit.mark("build", gil=python_build.gil_in_words(), seconds=config.seconds)
    python_build.report_interpreters(emit)
    times: list[list[float]] = []  # of the rounds of each way
    others = 0.0
    for way, make, works in ways(work, config.workers, config.context()):
        gates, workers = [], []
        for number, each in enumerate(works):
            gate, theirs = config.context().Pipe()
            args = (each, [amount] * (config.workers // len(works)), theirs, f"{number + 1} of {way}", emit)
            workers.append(make(target=work_when_told, args=args, name=f"worker-{number}"))
            workers[-1].start()
            gates.append(gate)
            if make is not threading.Thread:
                theirs.close()  # now only the child has its end: if it dies, our recv() raises EOFError
        try:
            for gate in gates:
                gate.recv()
            with CpuUsage(usable_cpus()) as machine, LatencyProbe() as ticker:
                rounds, cpu_s = play_rounds(gates)
        except (EOFError, OSError):
            raise CannotRunError(f"one of {way} was killed", "procdemo gil, and leave it alone") from None
        for worker in workers:
            worker.join()
        row = {"way": way, "wall_s": round(median(rounds), 2), "cpu_s": round(cpu_s / ROUNDS, 2)}
        row |= {"low_s": round(min(rounds), 2), "high_s": round(max(rounds), 2)}
        row |= {"cpus": round(cpu_s / machine.wall_s, 2), "late_ms": ticker.worst_ms()}
        emit.mark("way", **row)
        emit.result("ways", **row, lateness=ticker.drawn())
        times.append(rounds)
        others = max(others, machine.share_of_others(cpu_s))
    if others > BUSY:
        emit.mark("too busy", others=others)
    rounds_of = dict(zip(("threads", "processes", "interpreters"), times[1:], strict=False))
    verdict = in_words(times[0], rounds_of)
    facts = {name: round(median(times[0]) / median(rounds), 2) for name, rounds in rounds_of.items()}
    told = f", {facts['interpreters']:.1f} in interpreters" if "interpreters" in facts else ""
    outcome = INCONCLUSIVE if verdict == UNCLEAR else ""
    emit.result(SUMMARY, ok=True, outcome=outcome, verdict=verdict, more=told, **facts)


def play_rounds(gates: Sequence[Connection]) -> tuple[list[float], float]:
    """Let the workers behind the gates work, then end; return the seconds of each round, and the CPU time."""
    seconds, cpu_s = [], 0.0
    for _ in range(ROUNDS):
        began = time.monotonic()
        for gate in gates:
            gate.send(True)
        cpu_s += sum(gate.recv() for gate in gates)
        seconds.append(time.monotonic() - began)
    for gate in gates:
        gate.send(False)
    return seconds, cpu_s
