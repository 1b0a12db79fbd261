"""What the command itself costs: its start, and an event from a child to the command.

    python benchmarks/bench_command.py

On a machine that others use, only ratios count, so all are measured in turn. A start is measured twice: by
the clock, and as CPU time (``schedstat`` of the command's process, Linux), which other work on the machine
changes less.
"""

import math
import os
import statistics
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from procdemo.process.record_pipe import Writer, channel

ROUNDS = 11
EVENTS = 400_000
WRITERS = 4
PROCDEMO = str(Path(sys.executable).with_name("procdemo"))
RECORD = ("mark", "name", {"item": 12345, "worker": 3}, 123_456_789_012, 4242, 4242, "worker-3")


class Cost(NamedTuple):
    """What a command has cost until its first line, or until its end: seconds by the clock, and of CPU."""

    clock: float
    cpu: float


def cost(*command: str, first_line: bool = False) -> Cost:
    """Run a command, and return what it costs until its end, or until its first line."""
    before = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout  # noqa: S101 - for the type checker
        process.stdout.readline() if first_line else process.stdout.read()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | (os.WNOHANG if first_line else 0))
        took = time.perf_counter() - before
        cpu = cpu_seconds(process.pid)
        process.stdout.read()
    return Cost(took, cpu)


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of one process, which may be a zombie; NaN where there is no schedstat."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return math.nan


def median(costs: list[Cost]) -> Cost:
    """Return the medians of both."""
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


def report(writer: Writer, count: int) -> None:
    """Write `count` records, and a last one with the CPU time of one."""
    before = time.process_time()
    for _ in range(count):
        writer(RECORD)
    writer(("cost", (time.process_time() - before) / count))


def events() -> tuple[float, float]:
    """Return events per second in the reader, and CPU seconds per event in a writer."""
    reader, writer = channel()
    context = get_context("fork")
    children = [context.Process(target=report, args=(writer, EVENTS // WRITERS)) for _ in range(WRITERS)]
    for child in children:
        child.start()
    writer.close()
    before, arrived, costs = time.perf_counter(), 0, []
    while (batch := reader.read()) is not None:
        arrived += len(batch)
        costs += [record[1] for record in batch if record[0] == "cost"]
    took = time.perf_counter() - before
    for child in children:
        child.join()
    return arrived / took, statistics.mean(costs)


def main() -> None:
    """Measure and print."""
    bare = [sys.executable, "-c", "import click"]
    demo = [PROCDEMO, "spawn", "--json", "--work", "0"]
    starts: list[list[Cost]] = [[], [], [], [], []]
    for turn in range(ROUNDS + 1):
        costs = [cost(*bare), cost(PROCDEMO, "--help"), cost(*demo, first_line=True), cost(*demo)]
        costs.append(cost(*demo, "--start-method", "spawn"))
        if turn:  # the first one may compile modules
            for kind, one in zip(starts, costs, strict=True):
                kind.append(one)
    click, page, first, whole, anew = map(median, starts)
    rates, costs = zip(*(events() for _ in range(5)), strict=True)
    rate, event = statistics.median(rates), statistics.median(costs)
    print("                                   ms      ms of CPU     of import click: ms, CPU")
    for what, one, target in (
        ("import click", click, ""),
        ("procdemo --help", page, "target 1.25"),
        ("procdemo spawn, first event", first, "target 1.60"),
        ("procdemo spawn, to its end", whole, ""),
        ("the same with spawn", anew, ""),
    ):
        ratios = f"{one.clock / click.clock:8.2f}{one.cpu / click.cpu:8.2f}"
        print(f"{what:28}{one.clock * 1e3:9.1f}{one.cpu * 1e3:15.1f}{ratios}  {target}")
    print(f"events in the command         {rate:9,.0f} /s  (target 400,000 /s)")
    print(f"an event in the child         {event * 1e6:9.2f} us of CPU  (target 2 us)")


if __name__ == "__main__":
    main()
