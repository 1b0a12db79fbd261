"""Run pytest in several processes, and sum up: how many passed, the slowest ten.

    python scripts/run_tests.py [--processes N] [--neighbour] [PYTEST ARGUMENTS]

Each process takes a group of tests that no other has taken (tests/support/shared_run.py). The output of the
first process is shown as it comes, that of the others after it. Exit status: the largest of all. With
--neighbour a program runs beside them that no test may be disturbed by (tests/support/neighbour.py).
"""

import compileall
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_WIDTH = 120  # columns for the name of a slow test; some have a whole request among their parameters


def usable_cpus() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start(folder: Path, number: int, arguments: list[str]) -> "subprocess.Popen[bytes]":
    """Start process `number`; all but the first write into a file."""
    # Without bytecode each of two thousand commands would compile procdemo anew.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    output = None if number == 0 else (folder / f"output-{number}").open("wb")
    shared = ["-p", "shared_run", f"--share={folder}", f"--basetemp={folder / f'tmp-{number}'}"]
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *shared, *arguments],
        env=environment,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
    )


@contextlib.contextmanager
def neighbour() -> Iterator[None]:
    """Have a busy neighbour."""
    program = ROOT / "tests" / "support" / "neighbour.py"
    with subprocess.Popen([sys.executable, program]) as process:
        try:
            yield
        finally:
            process.terminate()


def sum_up(folder: Path) -> None:
    """Print the slowest tests, and the plain closing line."""
    counts: Counter[str] = Counter()
    seconds: dict[str, float] = defaultdict(float)
    for file in folder.glob("results-*.json"):
        for test, when, outcome, took in json.loads(file.read_text("utf-8")):
            seconds[test] += took
            if outcome == "failed" or when == "call" or outcome == "skipped":
                counts[outcome] += 1
    print("\nthe slowest ten:")
    for test, took in sorted(seconds.items(), key=lambda pair: -pair[1])[:10]:
        print(f"  {took:6.1f} s  {test if len(test) <= _WIDTH else test[: _WIDTH - 1] + '…'}")
    print(f"\n{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")


def main() -> int:
    """Run them all."""
    compileall.compile_dir(ROOT / "procdemo", quiet=1)
    arguments = sys.argv[1:]
    processes = usable_cpus() + 2  # because tests wait, too
    if arguments[:1] == ["--processes"]:
        processes, arguments = int(arguments[1]), arguments[2:]
    beside = contextlib.nullcontext()
    if "--neighbour" in arguments:
        arguments.remove("--neighbour")
        beside = neighbour()
    seed = ["-p", "randomly", f"--randomly-seed={time.time_ns() % 2**32}"]  # the same order in all processes
    temporary = tempfile.TemporaryDirectory(prefix="tests-", dir="/tmp", ignore_cleanup_errors=True)
    with beside, temporary as name:
        folder = Path(name)
        running = [start(folder, number, [*seed, *arguments]) for number in range(processes)]
        try:
            status = max(abs(process.wait()) for process in running)
        except KeyboardInterrupt:
            for process in running:
                process.wait()
            status = 130
        for number in range(1, processes):
            print((folder / f"output-{number}").read_text("utf-8", "replace"))
        sum_up(folder)
    return status


if __name__ == "__main__":
    sys.exit(main())
