"""The entry point: ``procdemo`` and ``python -m procdemo``.

Under spawn and forkserver every child imports this module again, so it imports next to nothing.
"""

import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    from procdemo.process.inherited import prepare_process  # noqa: PLC0415 - see the module's docstring

    prepare_process()
    from procdemo.cli.main import run  # noqa: PLC0415

    sys.exit(run())


if __name__ == "__main__":
    main()
