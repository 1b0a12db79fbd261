"""What a task, and a page of a crawl, costs with dask.distributed and with a Pool, on this one machine.

    python -m pip install distributed
    python benchmarks/bench_cluster.py [--tasks 2000] [--pages 200] [--rounds 5]

Every round measures everything, in an order that changes. "us a task" is the time of one task that does
nothing: the time of many, handed over one by one and called back one by one, divided by their number; two
workers. "pages/s" is from the first request of a crawl to its last page, on Python's documentation (Debian:
python3.11-doc). Both have worker processes, so the difference is what hands over the work.
"""

import argparse
import json
import logging
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import distributed

SITE = Path("/usr/share/doc/python3.11/html")
WORKERS = 2


def nothing(number: int) -> int:
    """Do nothing: only the way to the worker and back is measured."""
    return number


class Countdown:
    """Counts callbacks down to the last."""

    def __init__(self, calls: int) -> None:
        self._left = calls
        self._done = threading.Event()

    def __call__(self, _result: object) -> None:
        """Take a result, or a future that has one."""
        self._left -= 1
        if not self._left:
            self._done.set()

    def wait(self) -> None:
        """Wait for the last."""
        self._done.wait()


def timed(tasks: int, submit: Callable[[int, Countdown], object]) -> float:
    """Return the microseconds of a task; ``submit(number, callback)`` hands one over."""
    countdown, before = Countdown(tasks), time.perf_counter()
    for number in range(tasks):
        submit(number, countdown)
    countdown.wait()
    return (time.perf_counter() - before) / tasks * 1e6


def with_pool(tasks: int) -> float:
    """Return the microseconds of a task in a Pool."""
    with get_context("spawn").Pool(WORKERS) as pool:
        pool.map(nothing, range(WORKERS))
        return timed(tasks, lambda number, done: pool.apply_async(nothing, (number,), callback=done))


def with_dask(make_client: Callable[[], AbstractContextManager[distributed.Client]], tasks: int) -> float:
    """Return the microseconds of a task with dask.distributed, as `procdemo.cluster.pool` uses it."""
    with make_client() as client:
        executor = client.get_executor(pure=False)
        return timed(tasks, lambda number, done: executor.submit(nothing, number).add_done_callback(done))


def alone(measure: Callable[..., float], *args: Any) -> float:
    """Return ``measure(*args)``, run in a new process, because a cluster leaves threads in its process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        return executor.submit(measure, *args).result()


@contextmanager
def in_this_process() -> Iterator[distributed.Client]:
    """Yield the client of a cluster like that of ``--cluster local``."""
    quiet = {"dashboard_address": None, "silence_logs": logging.CRITICAL}
    with (
        distributed.LocalCluster(
            n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1", **quiet
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@contextmanager
def in_own_processes() -> Iterator[distributed.Client]:
    """Yield the client of a cluster started by ``dask scheduler`` and ``dask worker``."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder, "scheduler")
        common = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
        dask(stack, "scheduler", *common, "--port", "0")
        for _ in range(WORKERS):
            dask(stack, "worker", *common, "--nthreads", "1", "--local-directory", folder)
        with distributed.Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(WORKERS)
            yield client


def dask(stack: ExitStack, what: str, *options: str) -> None:
    """Start a command of dask's; `stack` ends it."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options]
    process = stack.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    stack.callback(process.terminate)


def crawl(pages: int, workers: int, *where: str) -> float:
    """Return the pages per second of a crawl."""
    args = ["crawl-callback", "--site", str(SITE), "--max-pages", str(pages), "--workers", str(workers)]
    command = [sys.executable, "-m", "procdemo", *args, *where, "--json"]
    out = subprocess.run(command, capture_output=True, check=True).stdout
    events = [json.loads(line) for line in out.splitlines()]
    done = [event["time_ns"] for event in events if event["name"] == "page"]
    first = next(event["time_ns"] for event in events if event["name"] == "fetch")
    return len(done) / (max(done) - first) * 1e9


def in_turns(candidates: dict[str, Callable[[], float]], rounds: int, unit: str) -> None:
    """Measure all, round after round; print the median of each, the smallest and the largest."""
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds):
        for name in list(candidates)[:: -1 if number % 2 else 1]:
            found[name].append(candidates[name]())
    for name, values in found.items():
        figures = f"{statistics.median(values):9.1f} ({min(values):.1f} to {max(values):.1f})"
        sys.stdout.write(f"{name:<30} {figures} {unit}\n")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=2000)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    hand_over = {
        "Pool.apply_async": partial(alone, with_pool),
        "dask, scheduler here": partial(alone, with_dask, in_this_process),
        "dask, scheduler apart": partial(alone, with_dask, in_own_processes),
    }
    in_turns(
        {name: partial(measure, options.tasks) for name, measure in hand_over.items()},
        options.rounds,
        "us a task",
    )
    crawls = {}
    for workers in (1, 2, 4):
        crawls[f"crawl, Pool({workers})"] = partial(crawl, options.pages, workers)
        crawls[f"crawl, {workers} workers of dask"] = partial(
            crawl, options.pages, workers, "--cluster", "local"
        )
    in_turns(crawls, options.rounds, "pages/s")


if __name__ == "__main__":
    main()
