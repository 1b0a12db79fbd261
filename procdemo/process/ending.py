"""Ways for a parent to end a child that works, each with the call that it is in a program.

The child reports that it works through a pipe, the gate: before that, SIGINT would end a new interpreter
somewhere in its start.
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from procdemo.demo.events import Emitter

STORY = {"told to end": "{call} sent to {child}; is_alive right after: {alive}"}


def terminate(child: BaseProcess) -> str:
    """Send SIGTERM to a child; return the call that did it."""
    child.terminate()
    return "terminate()"


def interrupt(child: BaseProcess) -> str:
    """Send SIGINT to a child; return the call that did it: `Process.interrupt` is new in Python 3.14."""
    if hasattr(child, "interrupt"):
        child.interrupt()
        return "interrupt()"
    if child.pid and child.exitcode is None:  # otherwise its PID may be another process's by now
        os.kill(child.pid, signal.SIGINT)
    return f"os.kill({child.pid}, SIGINT)"


@contextlib.contextmanager
def interruptible(gate: Connection | None) -> Iterator[None]:
    """With a gate, let SIGINT raise KeyboardInterrupt in the block, as in every program, and end it.

    Without it SIGINT ends a process of a demo without a word. After the block it is ignored, because it comes
    too late. If KeyboardInterrupt left the process, multiprocessing would print a traceback, and the exit
    status would be 1.
    """
    if gate is None:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        yield
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_at_work(
    child: BaseProcess, gate: Connection, end: Callable[[BaseProcess], str], emit: Emitter
) -> None:
    """Call `end` when the child has sent something through the `gate`, or has been killed; report it."""
    with gate:
        wait([gate, child.sentinel])
    emit.mark("told to end", call=end(child), child=child.name, alive=child.is_alive())
