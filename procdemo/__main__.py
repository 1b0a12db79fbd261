"""The entry point: ``procdemo`` and ``python -m procdemo``.

Under spawn and forkserver every child imports this module again, so it imports next to nothing.
"""

import os
import signal
import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # e.g. a background job of a script
        # Until the command has its own handler, Ctrl-C just ends it: there is nothing to clean up yet.
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    _open_standard_streams()
    from procdemo.cli.main import run  # noqa: PLC0415 - see the module's docstring

    sys.exit(run())


def _open_standard_streams() -> None:
    """Open the null device for each stream that the caller has closed; or a pipe would get its number."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), fd)
            setattr(sys, name, os.fdopen(fd, "w" if fd else "r", closefd=False))


if __name__ == "__main__":
    main()
