"""The end of multiprocessing's fork server, which starts all processes under forkserver.

If it ends, `multiprocessing` starts another one for the next process. But two things are wrong meanwhile.
What it was starting fails (EOFError, ConnectionError). Its children seem to have ended with status 255, and
may live (multiprocessing/popen_forkserver.py, `poll`).
"""

import os
import sys
import time
from contextlib import suppress

REFUSES = "the fork server could start no process"
"""Text of the OSError (EAGAIN) if it has ended because of that."""

GONE = (EOFError, ConnectionError)
"""What starting a process raises if the fork server ends."""

UNKNOWN = 255
"""The exit code of a process whose fork server has ended before it."""

_END_S = 2.0  # for it to end after it has closed its sockets
_PAUSE_S = 0.001


def exitcode() -> int | None:
    """Return how the fork server of this process has ended, -N if signal N killed it; None if it has not.

    To be called when it does not answer any more: it may still be about to end.
    """
    module = sys.modules.get("multiprocessing.forkserver")
    pid = module and module._forkserver._forkserver_pid  # noqa: SLF001 - there is no other way to it
    if not pid:
        return None
    give_up = time.monotonic() + _END_S
    with suppress(ChildProcessError):
        while time.monotonic() < give_up:
            # WNOWAIT: multiprocessing waits for it, too, before it starts another.
            if ended := os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
            time.sleep(_PAUSE_S)  # noqa: TID251 - nothing tells of it
    return None


def end_behind(error: BaseException) -> int | None:
    """Return how the fork server has ended if that is why a process could not be started; else None."""
    if isinstance(error, OSError) and REFUSES in str(error):
        return 1
    trace = error.__traceback__ if isinstance(error, GONE) else None
    while trace:
        if trace.tb_frame.f_globals.get("__name__") == "multiprocessing.popen_forkserver":
            return exitcode()
        trace = trace.tb_next
    return None
