"""The options that every command has: how a run is shown."""

import os
import sys
from typing import Any, NamedTuple

import click

from procdemo.cli.option_types import Choice
from procdemo.cli.output_files import Output

_COLOUR = {"always": True, "never": False}


class ViewOptions(NamedTuple):
    """How a run is shown."""

    json: bool = False
    """JSON Lines on stdout instead of a screen."""
    plain: bool = False
    """ASCII only, no colour, nothing that moves."""
    quiet: bool = False
    """Only results and errors."""
    verbose: int = 0
    """0 for the key sentences, 1 for the details, 2 for every event."""
    debug: bool = False
    """Show tracebacks."""
    colour: bool | None = None
    """True always, False never, None if the terminal and the environment decide."""
    live: bool = False
    """Show the lanes while the demo runs."""
    present: bool = False
    """For the back row: few and large things on the screen."""
    keys: bool = False
    """Whether a person can pause the demo, and end it, with keys; the screen says so."""
    outputs: tuple[Output, ...] = ()
    """The open files that the run is written into."""


def common_options() -> list[click.Parameter]:
    """Return the options of every command; they may also stand before its name."""
    return [
        click.Option(["--json"], is_flag=True, help="JSON Lines on stdout: each event an object."),
        click.Option(["--plain"], is_flag=True, help="Draw with ASCII only; no colour, no animation."),
        click.Option(["-q", "--quiet"], is_flag=True, help="Only results and errors."),
        click.Option(["-v", "--verbose"], count=True, help="More detail; -vv for every event."),
        click.Option(["--color"], type=Choice(["auto", "always", "never"]), help="Default: auto."),
        click.Option(["--debug"], is_flag=True, help="Show tracebacks."),
    ]


def chosen_view(values: dict[str, Any]) -> ViewOptions:
    """Return the common options among `values`; one given before the command's name counts as well.

    Raises:
        click.UsageError: two of them exclude each other.
    """
    before = click.get_current_context().find_root().params

    def chosen(name: str) -> Any:
        return values[name] or before.get(name)

    if chosen("quiet") and chosen("verbose"):
        raise click.UsageError("-q and -v exclude each other.")
    return ViewOptions(
        json=bool(chosen("json")),
        plain=bool(chosen("plain")),
        quiet=bool(chosen("quiet")),
        verbose=chosen("verbose") or 0,
        debug=bool(chosen("debug") or os.environ.get("PROCDEMO_DEBUG")),
        colour=_COLOUR.get(chosen("color")),
        live=values.get("live", False) or values.get("present", False),
        present=values.get("present", False),
    )


def hint_for(name: str, names: list[str]) -> str:
    """Return a hint for a wrong name: the nearest of `names`, if one is similar."""
    import difflib

    similar = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean '{similar[0]}'?" if similar else "procdemo list shows all demos."


def in_two_columns(first: str, second: str, width: int) -> str:
    """Return a row of a list: `first`, padded to `width`, and `second`; a terminal gets whole words."""
    import shutil
    import textwrap

    head = f"{first:<{width}}  "
    if not sys.stdout.isatty():
        return head + second
    columns = max(shutil.get_terminal_size().columns, len(head) + 20)
    return textwrap.fill(second, columns, initial_indent=head, subsequent_indent=" " * len(head))
