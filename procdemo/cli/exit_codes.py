"""The numbers that the command can exit with. `exit_code_of_run` chooses among them after a run."""

import signal

DONE, FAILED, WRONG_USAGE, MISSING, TIME_LIMIT = range(5)
"""What the command exits with if no signal ends it; `FAILED` also if work is lost, `MISSING` if something
of Python (an extra, a module) or of the platform is missing."""

INTERRUPTED = 128 + signal.SIGINT
"""After Ctrl-C."""

READER_GONE = 128 + 13
"""The reader of stdout has closed the pipe: as if SIGPIPE (13; Windows has none) had ended the command."""


def exit_code_of_signal(signum: int) -> int:
    """Return the exit status of a command that the signal `signum` has ended, as a shell gives it."""
    return 128 + signum
