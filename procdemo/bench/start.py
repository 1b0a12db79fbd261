"""What it costs to start a thread, a process, a Pool.

What to watch:
  - a thread starts at once and shares all memory
  - fork() copies the parent's memory, page by page, when a page is written
    to. spawn starts a new interpreter, which imports everything anew.
    forkserver forks from a small process that has imported little (from
    Python 3.13.8 on the main module, too)
  - a sub-interpreter (Python 3.14 and later) starts in the same process, and
    imports everything anew. A free-threaded build has no GIL
  - a Pool pays this once for each worker, and not for each task: that is
    what a Pool is for

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
from procdemo.demo.events import SUMMARY, Emitter
from procdemo.demo.settings import Arg, CannotRunError, StartMethod
from procdemo.demo.states import Activity
from procdemo.process import exit_status, python_build
from procdemo.process.usage import tree_own_kib

BLOCKS = (comparison, exit_status, python_build)
LANES = {"sample": Activity.ACTIVE}
_IDLE, _IDLE_THREADS = 4, 50  # processes or interpreters, and threads, whose memory is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(BenchSettings):
    """Settings of `run`."""

    workers: Annotated[int, Arg("Processes of the Pool.", min=1, max=64, short="-n")] = 2

    @property
    def names_semaphores(self) -> bool:
        """True, because every start method is measured."""
        return True


def nothing() -> None:
    """Do nothing: only the start is measured."""


def check_status(exitcode: int | None) -> None:
    """Check how a process ended that does nothing.

    Raises:
        CannotRunError: it failed, or was killed: the time that it took says nothing.
    """
    if exitcode:
        message = f"a process that does nothing has ended badly: {exit_status.cause(exitcode)}"
        raise CannotRunError(message, "once more, without killing a process")


def start_and_join(make: Callable[..., Any], count: int) -> float:
    """Start `count` threads or processes, one after the other, and join each; return ms for one."""

    def one_by_one() -> None:
        for _ in range(count):
            child = make(target=nothing)
            child.start()
            child.join()
            check_status(getattr(child, "exitcode", 0))

    return timed(one_by_one) / count * 1e3


def fork_and_wait(count: int) -> float:
    """Fork `count` times without multiprocessing, and wait for each child; return ms for one."""

    def one_by_one() -> None:
        for _ in range(count):
            pid = os.fork()
            if not pid:
                os._exit(0)
            check_status(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    return timed(one_by_one) / count * 1e3


def make_pool(context: Any, workers: int) -> float:
    """Make a Pool, have it do one task, and end it; return ms."""

    def once() -> None:
        with context.Pool(workers) as pool:
            pool.apply(nothing)
            pool.close()
            pool.join()

    return timed(once) * 1e3


def make_interpreter() -> float:
    """Make a sub-interpreter, have it do nothing, and end it; return ms."""

    def once() -> None:
        interpreter = python_build.new_interpreter()
        interpreter.call(nothing)
        interpreter.close()

    return timed(once) * 1e3


def make_interpreter_pool(workers: int) -> float:
    """Make a pool of sub-interpreters, have it do one task, and end it; return ms."""

    def once() -> None:
        with python_build.interpreter_pool(workers) as pool:
            pool.submit(nothing).result()

    return timed(once) * 1e3


def stay_idle(pipe: Connection) -> None:
    """Send a message when this process runs, and wait until it may end."""
    pipe.send("started")
    pipe.recv()


def wait_for_all(barrier: Any) -> None:
    """Wait, in a Pool's new worker, until all workers run."""
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


def interpreter_kib() -> float:
    """Return how much memory an idle sub-interpreter takes, in KiB."""
    before = tree_own_kib(os.getpid())
    interpreters = [python_build.new_interpreter() for _ in range(_IDLE)]
    for interpreter in interpreters:
        interpreter.call(nothing)
    taken = tree_own_kib(os.getpid()) - before
    for interpreter in interpreters:
        interpreter.close()
    return taken / len(interpreters)


def pool_kib(context: Any, workers: int) -> float:
    """Return the memory, in KiB, that the idle workers of a Pool share with no other process."""
    barrier, before = context.Barrier(workers + 1), set(multiprocessing.active_children())
    with context.Pool(workers, wait_for_all, (barrier,)) as pool:
        barrier.wait()
        children = set(multiprocessing.active_children()) - before
        own = sum(tree_own_kib(worker.pid or 0) for worker in children)
        pool.close()
        pool.join()
    return own


def process_kib(context: Any) -> float:
    """Return the memory, in KiB, that an idle child shares with no other process (proc(5), smaps_rollup)."""
    children = []
    for _ in range(_IDLE):
        ours, theirs = context.Pipe()
        child = context.Process(target=stay_idle, args=(theirs,))
        child.start()
        theirs.close()
        children.append((child, ours))
    for _, pipe in children:
        pipe.recv()
    private = [tree_own_kib(child.pid) for child, _ in children]
    for child, pipe in children:
        pipe.send("end")
        child.join()
        pipe.close()
    return sum(private) / len(private)


def run(config: Config, emit: Emitter) -> None:
    """Compare the starts; then measure the memory of idle threads, interpreters and processes."""
    python_build.report(emit)
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
    if python_build.has_interpreters():
        designs.append(Design("Interpreter", make_interpreter))
        pool = f"InterpreterPoolExecutor({config.workers})"
        designs.append(Design(pool, partial(make_interpreter_pool, config.workers)))
    found = compare(designs, "ms for a start", config, emit, most=False)
    if Path("/proc/self/smaps_rollup").exists():
        own_kib = {"thread": thread_kib()}
        if python_build.has_interpreters():
            own_kib["Interpreter"] = interpreter_kib()
        for method, context in methods.items():
            own_kib[f"Process, {method}"] = process_kib(context)
            pool = f"Pool({config.workers}), {method}"
            own_kib[pool] = pool_kib(context, config.workers)
        for design, kib in own_kib.items():
            emit.result("memory", design=design, own_kib=round(kib))
    emit.result(SUMMARY, **found.summary)
