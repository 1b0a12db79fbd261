"""What a pool costs per task, and when it is worth it.

What to watch:
  - a task that does nothing shows what it costs to send a task and to get
    its result
  - apply_async() sends each task alone, and so does imap() with its
    chunksize of 1; map() sends large chunks
  - a pool of sub-interpreters (Python 3.14 and later) stays in this process,
    and still copies each task and each result
  - break-even: how long a task must take, so that the pool is faster than a
    loop. With shorter tasks more processes make the program slower

\b
Try:
  procdemo bench pools
  procdemo bench pools --workers 4 --budget 10
  procdemo bench pools --start-method spawn

Compare with: crawl-callback, whose tasks take long enough.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from procdemo.bench import comparison
from procdemo.bench.comparison import BenchSettings, Design, compare, timed
from procdemo.demo.events import SUMMARY, Emitter
from procdemo.demo.settings import Arg, usable_cpus
from procdemo.process import python_build

BLOCKS = (comparison, python_build)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(BenchSettings):
    """Settings of `run`."""

    workers: Annotated[int, Arg("Processes of each pool.", min=1, max=64, short="-n")] = max(usable_cpus(), 2)


def task(number: int) -> int:
    """Do nothing: only the way to the worker and back is measured."""
    return number


def one_by_one(pool: Any, count: int) -> None:
    """Hand over every task by itself; a callback takes each result."""
    results: list[int] = []
    pending = [pool.apply_async(task, (number,), callback=results.append) for number in range(count)]
    for result in pending:
        result.wait()


def submit(executor: Executor, count: int) -> None:
    """Hand over every task by itself; its Future has the result."""
    for future in [executor.submit(task, number) for number in range(count)]:
        future.result()


def in_chunks(way: Callable[..., Any], chunksize: int, count: int) -> None:
    """Hand over the tasks by imap_unordered() or an executor's map(), and drop the results."""
    deque(way(task, range(count), chunksize=chunksize), maxlen=0)


def run(config: Config, emit: Emitter) -> None:
    """Compare the ways to hand over tasks, to the same pools; say when each pays."""
    python_build.report(emit)
    context = config.context()
    with ExitStack() as pools:
        pool = pools.enter_context(context.Pool(config.workers))
        executor = pools.enter_context(ProcessPoolExecutor(config.workers, context))

        def per_second(work: Callable[[int], Any], count: int) -> float:
            return count / timed(partial(work, count))

        ways: dict[str, tuple[Callable[[int], Any], int]] = {
            "Pool.apply_async, a callback": (partial(one_by_one, pool), 2_000),
            "Pool.map": (lambda count: pool.map(task, range(count)), 200_000),
            "executor.submit": (partial(submit, executor), 500),
        }
        for chunksize, count in ((1, 4_000), (8, 20_000), (64, 100_000), (512, 200_000)):
            ways[f"Pool.imap_unordered, chunks of {chunksize}"] = (
                partial(in_chunks, pool.imap_unordered, chunksize),
                count,
            )
        for chunksize, count in ((1, 500), (64, 20_000)):
            ways[f"executor.map, chunks of {chunksize}"] = (
                partial(in_chunks, executor.map, chunksize),
                count,
            )
        if python_build.has_interpreters():
            interpreters = pools.enter_context(python_build.interpreter_pool(config.workers))
            ways["interpreters.submit"] = (partial(submit, interpreters), 500)
        for work, _ in ways.values():
            work(2 * config.workers)  # so that all workers have started
        designs = [Design(way, partial(per_second, work, count)) for way, (work, count) in ways.items()]
        found = compare(designs, "tasks per second", config, emit)
        pool.close()
        pool.join()
    for way, spread in found.spreads.items():
        emit.result("break-even", design=way, **break_even(spread.median, config.workers))
    emit.result(SUMMARY, **found.summary)


def break_even(tasks_per_s: float, workers: int) -> dict[str, float]:
    """Return what it costs to hand over a task, and how long a task must take to pay, in microseconds.

    A loop takes t for a task, the pool t / workers + way: the pool is faster from
    t = way * workers / (workers - 1) on.
    """
    way_us = 1e6 / tasks_per_s
    pays = {"pays_from_us": round(way_us * workers / (workers - 1), 1)} if workers > 1 else {}
    return {"way_us": round(way_us, 1), **pays}
