"""What the command itself costs: its start, and an event from a child to the command.

    python benchmarks/bench_command.py

On a machine that others use, only ratios count, so all are measured in turn.
"""

import statistics
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

from procdemo.process.record_pipe import Writer, channel

ROUNDS = 11
EVENTS = 400_000
WRITERS = 4
PROCDEMO = str(Path(sys.executable).with_name("procdemo"))
RECORD = ("mark", "name", {"item": 12345, "worker": 3}, 123_456_789_012, 4242, 4242, "worker-3")


def seconds(*command: str, first_line: bool = False) -> float:
    """Return the seconds until a command has ended, or until its first line."""
    before = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout  # noqa: S101 - for the type checker
        process.stdout.readline() if first_line else process.stdout.read()
        took = time.perf_counter() - before
        process.stdout.read()
    return took


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
    starts: dict[str, list[float]] = {"click": [], "help": [], "first event": []}
    for _ in range(ROUNDS):
        starts["click"].append(seconds(sys.executable, "-c", "import click"))
        starts["help"].append(seconds(PROCDEMO, "--help"))
        starts["first event"].append(seconds(PROCDEMO, "spawn", "--json", "--work", "0", first_line=True))
    click, page, first = (statistics.median(times) for times in starts.values())
    rates, costs = zip(*(events() for _ in range(5)), strict=True)
    rate, cost = statistics.median(rates), statistics.median(costs)
    print(f"import click                  {click * 1e3:7.1f} ms")
    print(f"procdemo --help               {page * 1e3:7.1f} ms  {page / click:5.2f} x  (target 1.35 x)")
    print(f"procdemo spawn, first event   {first * 1e3:7.1f} ms  {first / click:5.2f} x  (target 2.00 x)")
    print(f"events in the command         {rate:7,.0f} /s          (target 400,000 /s)")
    print(f"an event in the child         {cost * 1e6:7.2f} us CPU      (target 3 us)")


if __name__ == "__main__":
    main()
