"""What it takes to start a thread, a process, a Pool; and what an idle one weighs.

What to watch: a thread is there at once, and shares all memory. fork() copies what the parent has,
page by page as it is written to; spawn starts a new interpreter and imports anew; forkserver forks
from a small process that has imported little. A Pool pays that once for each worker, and then
never again: that is what it is for.

\b
Try:
  procdemo bench start
  procdemo bench start --budget 5
  procdemo bench start --record old.jsonl
  procdemo bench start --compare old.jsonl

Compare with: spawn, which shows one start after the other.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

from procdemo.bench import comparison
from procdemo.bench.comparison import BenchSettings, Design, compare, timed
from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, StartMethod
from procdemo.demo.states import Activity
from procdemo.process.usage import tree_own_kib

BLOCKS = (comparison,)
LANES = {"sample": Activity.RUNS}
_IDLE, _IDLE_THREADS = 4, 50  # whose memory is looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(BenchSettings):
    """Settings of `run`."""

    workers: Annotated[int, Arg("Processes of the Pool.", min=1, max=64, short="-n")] = 2

    @property
    def names_semaphores(self) -> bool:
        """They do: every start method is measured."""
        return True


def nothing() -> None:
    """Do nothing: the start is what is measured."""


def start_and_join(make: Callable[..., Any], count: int) -> float:
    """Start `count` threads or processes, one after the other, and join each; return ms for one."""

    def one_by_one() -> None:
        for _ in range(count):
            child = make(target=nothing)
            child.start()
            child.join()

    return timed(one_by_one) / count * 1e3


def fork_and_wait(count: int) -> float:
    """Fork `count` times without multiprocessing, and wait for each child; return ms for one."""

    def one_by_one() -> None:
        for _ in range(count):
            pid = os.fork()
            if not pid:
                os._exit(0)
            os.waitpid(pid, 0)

    return timed(one_by_one) / count * 1e3


def make_pool(context: Any, workers: int) -> float:
    """Make a Pool, have it do one task, and end it; return ms."""

    def once() -> None:
        with context.Pool(workers) as pool:
            pool.apply(nothing)
            pool.close()
            pool.join()

    return timed(once) * 1e3


def stay(pipe: Connection) -> None:
    """Be there, and wait for the end."""
    pipe.send("there")
    pipe.recv()


def meet(barrier: Any) -> None:
    """Say, in a Pool's new worker, that it is there."""
    barrier.wait()


def thread_kib() -> float:
    """Return how much memory an idle thread takes, in KiB."""
    gate, before = threading.Event(), tree_own_kib(os.getpid())
    threads = [threading.Thread(target=gate.wait) for _ in range(_IDLE_THREADS)]
    for thread in threads:
        thread.start()
    taken = tree_own_kib(os.getpid()) - before
    gate.set()
    for thread in threads:
        thread.join()
    return taken / len(threads)


def pool_kib(context: Any, workers: int) -> float:
    """Return how much memory the idle workers of a Pool have for themselves, all together, in KiB."""
    barrier, before = context.Barrier(workers + 1), set(multiprocessing.active_children())
    with context.Pool(workers, meet, (barrier,)) as pool:
        barrier.wait()
        crew = set(multiprocessing.active_children()) - before
        own = sum(tree_own_kib(worker.pid or 0) for worker in crew)
        pool.close()
        pool.join()
    return own


def process_kib(context: Any) -> float:
    """Return how much memory an idle child has for itself, in KiB (proc(5), smaps_rollup)."""
    children = []
    for _ in range(_IDLE):
        ours, theirs = context.Pipe()
        child = context.Process(target=stay, args=(theirs,))
        child.start()
        theirs.close()
        children.append((child, ours))
    for _, pipe in children:
        pipe.recv()
    private = [tree_own_kib(child.pid) for child, _ in children]
    for child, pipe in children:
        pipe.send("go")
        child.join()
        pipe.close()
    return sum(private) / len(private)


def run(config: Config, emit: Emitter) -> None:
    """Compare the starts; then look at the memory of those that stay."""
    methods = {
        method: replace(config, start_method=method).context()
        for method in map(StartMethod, multiprocessing.get_all_start_methods())
    }
    designs = [
        Design("thread", partial(start_and_join, threading.Thread, 500)),
        Design("os.fork()", partial(fork_and_wait, 50)),
    ]
    for method, context in methods.items():
        count = 20 if method == StartMethod.FORK else 2
        designs.append(Design(f"Process, {method}", partial(start_and_join, context.Process, count)))
        designs.append(
            Design(f"Pool({config.workers}), {method}", partial(make_pool, context, config.workers))
        )
    found = compare(designs, "ms for a start", config, emit, most=False)
    if Path("/proc/self/smaps_rollup").exists():
        weights = {"thread": thread_kib()}
        for method, context in methods.items():
            weights[f"Process, {method}"] = process_kib(context)
            pool = f"Pool({config.workers}), {method}"
            weights[pool] = pool_kib(context, config.workers)
        for design, kib in weights.items():
            emit.result("memory", design=design, own_kib=round(kib))
    emit.result("summary", **found.summary)
