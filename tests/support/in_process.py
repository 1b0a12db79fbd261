"""A command in a copy of the test process, which has imported it already: a tenth of the CPU time of `run`.

For words, options and errors. What starts processes is run as a command of its own, by `harness.run`.
"""

import os
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NoReturn

import harness
import pytest
from oracle import Result
from traces import Traces

from procdemo.cli import (  # noqa: F401 - imported once, for all copies
    demo_command,
    fault_schedule,
    lab_command,
    main,
    output_files,
    renderers,
    replay,
    run_demo,
    source_code,
)
from procdemo.render import console  # noqa: F401 - the same


def run_here(
    *args: str | bytes, env: Mapping[str, str] | None = None, cwd: Path | None = None, **_: Any
) -> Result:
    """Run the command as ``harness.run`` does, but in a fork of this process; ignore limits of time."""
    traces, words = Traces(), [os.fsdecode(os.fspath(arg)) for arg in args]
    with ExitStack() as stack:
        outputs = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        started = time.monotonic()
        with warnings.catch_warnings():  # a server of another test may have a thread here: 3.15 would raise
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            _become_command(words, outputs, traces.environment(env or {}), cwd)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        for output in outputs:
            output.seek(0)
        stdout, stderr = (output.read().decode() for output in outputs)
        stack.callback(traces.erase)
        return Result(
            args=["procdemo", *words],
            status=status,
            stdout=stdout,
            stderr=stderr,
            seconds=time.monotonic() - started,
            survivors=(),  # of a test that leaves a process, conftest.py complains
            temporary=traces.temporary(),
            shared_memory=frozenset(),
        )


def _become_command(
    words: list[str], outputs: list[IO[bytes]], environment: Mapping[str, str], cwd: Path | None
) -> NoReturn:
    """Be what a shell has started with these `words`."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for fd, output in enumerate(outputs, 1):
            os.dup2(output.fileno(), fd)
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(os.dup(fd), mode, encoding="utf-8") for fd, mode in enumerate("rww")
        )
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(cwd or ".")
        sys.argv = ["procdemo", *words]
        status = main.run()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - else the test would go on in the copy, too
        status = 70
        os.write(2, traceback.format_exc().encode())
    os._exit(status)


both_ways = pytest.mark.parametrize(
    "run",
    [
        pytest.param(run_here, id="here"),
        pytest.param(harness.run, id="command", marks=pytest.mark.thorough),
    ],
)
"""Have a test, which gets `run`, run in a copy of its process; and, with ``--all``, by commands, too."""
