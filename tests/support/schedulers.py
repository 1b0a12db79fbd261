"""Schedulers and workers of dask, started by dask's own commands, as a user does it."""

import contextlib
import re
import sys

from harness import Command

DASK = [sys.executable, "-m", "distributed.cli.dask_{}"]
"""``dask scheduler`` and ``dask worker``, of this very Python."""

QUIET = {"PYTHONWARNINGS": "default"}  # we cannot mend the causes of dask's own
LIMIT = 120


def dask(what, *args, env=None, before=()):
    """Return ``dask scheduler`` or ``dask worker``, running; `before` it e.g. ``ip netns exec``."""
    module = DASK[-1].format(what)
    return Command(*args, program=[*before, *DASK[:-1], module], env={**QUIET, **(env or {})}, limit=LIMIT)


def scheduler(*args, host="127.0.0.1", **options):
    """Return a scheduler on a free port, without a dashboard."""
    return dask("scheduler", "--host", host, "--port", "0", "--no-dashboard", *args, **options)


def address_of(running):
    """Wait until a scheduler listens; return its address."""
    pattern = re.compile(r"Scheduler at: +(\w+://[\d.]+:\d+)")
    return running.wait_for(lambda: pattern.search(running.stderr), 30, "the scheduler's address")[1]


def wait_until_registered(running):
    """Wait until a worker has found its scheduler."""
    running.wait_for(lambda: "Registered to:" in running.stderr, 30, "a registered worker")


@contextlib.contextmanager
def workers(address, count, **options):
    """Run `count` workers with a nanny and one thread each; yield their commands."""
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(dask("worker", address, "--nthreads", "1", "--no-dashboard", **options))
            for _ in range(count)
        ]
        for worker in running:
            wait_until_registered(worker)
        yield running
