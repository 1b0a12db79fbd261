"""Say in words how a process ended."""

import signal


def cause(exitcode: int | None) -> str:
    """Say in words what `Process.exitcode` says: a negative one is the signal that ended it."""
    if exitcode is None:
        return "still running"
    return f"killed by {signal.Signals(-exitcode).name}" if exitcode < 0 else f"exit status {exitcode}"
