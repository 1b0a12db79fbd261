"""The entry point: ``procdemo`` and ``python -m procdemo``.

Under spawn and forkserver every child imports this module again, so it imports next to nothing.
"""

import os
import signal
import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    # Until the command knows better, Ctrl-C just ends it: there is nothing to clean up yet.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from procdemo.cli import run  # noqa: PLC0415 - see the module's docstring

    sys.exit(run())


if __name__ == "__main__":
    main()
