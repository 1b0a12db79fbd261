"""The entry point: ``procdemo`` and ``python -m procdemo``.

Under spawn every child imports this module again. Under forkserver every child does so, too, or, from Python
3.13.8 on, the fork server once for all of them (python/cpython#126631). So it imports next to nothing.
"""

import gc
import sys


def main() -> None:
    """Run the command line and leave with its exit status."""
    gc.disable()  # nothing that is imported is garbage, and to look for some takes a tenth of the start
    try:
        from procdemo.process.inherited import prepare_process  # noqa: PLC0415 - see the module's docstring

        prepare_process()
        from procdemo.cli.main import run  # noqa: PLC0415

        status = run()
    except (ImportError, OSError, MemoryError) as error:
        if "--debug" in sys.argv:
            raise
        status = _cannot_begin(error)
    finally:
        gc.freeze()  # nor at the end, when the interpreter would look for some three times
    sys.exit(status)


def _cannot_begin(error: Exception) -> int:
    """Report in two lines why not even the command line can be imported; return the exit status."""
    message, hint = f"{type(error).__name__}: {error}", "python -m pip check"
    try:
        from procdemo.process.shortage import named  # noqa: PLC0415

        if lacks := named(error):
            message, hint = str(lacks), lacks.hint
    except (ImportError, OSError, MemoryError):  # the same again
        hint = "higher limits (ulimit -n, ulimit -v)"
    sys.stderr.write(f"error: {message}\ntry: {hint}\n")
    return 3


if __name__ == "__main__":
    main()
