"""The options that every command has: how a run is shown."""

import os
from typing import Any

import click

MISSING = 3
"""Exit status: something optional is missing."""

_NAMES = {"json", "plain", "quiet", "verbose", "debug", "color"}


def common_options() -> list[click.Parameter]:
    """Return the options of every command; they may also stand before its name."""
    return [
        click.Option(["--json"], is_flag=True, help="JSON Lines on stdout: each event an object."),
        click.Option(["--plain"], is_flag=True, help="Draw with ASCII only; no colour, no animation."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Only results and errors."),
        click.Option(["-v", "--verbose"], count=True, help="More detail; -vv for every event."),
        click.Option(["--color"], type=click.Choice(["auto", "always", "never"]), help="Default: auto."),
        click.Option(["--debug"], is_flag=True, help="Show tracebacks."),
    ]


def chosen_view(values: dict[str, Any]) -> dict[str, Any]:
    """Return the common options among `values`; one given before the command's name counts as well.

    Raises:
        click.UsageError: two of them exclude each other.
    """
    before = click.get_current_context().find_root().params
    view = {name: values[name] or before.get(name) for name in _NAMES if name in values}
    if view["quiet"] and view["verbose"]:
        raise click.UsageError("-q and -v exclude each other.")
    view["debug"] = view["debug"] or bool(os.environ.get("PROCDEMO_DEBUG"))
    return view


def near(name: str, names: list[str]) -> str:
    """Return what to type instead of a wrong name."""
    import difflib

    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean {near[0]!r}?" if near else "procdemo list shows all demos."
