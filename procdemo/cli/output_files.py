"""The files that a run is written into; opened before the run, so that a wrong name costs nothing."""

import os
import sys
from os.path import splitext
from typing import IO, Any, NamedTuple

import click

from procdemo.demo.text import quoted

FORMS = {".html": "one page, lanes and counters", ".svg": "the last screen", ".json": "a trace for Perfetto"}
"""By the end of the file's name: what is written."""


class Output(NamedTuple):
    """An open file that the run is written into."""

    form: str
    """A key of `FORMS`, or ``.jsonl`` for a record of the run."""
    file: IO[str]


def output_options(*, record: bool = True, live: bool = True, keys: str = "") -> list[click.Parameter]:
    """Return the options of a command that shows a run.

    Args:
        record: whether it can be recorded.
        live: whether the lanes can be shown while it runs.
        keys: what the help says of the keys that there are then.
    """
    picture = click.Option(
        ["-o", "--output"],
        multiple=True,
        metavar="FILE",
        help="Also save the timeline: FILE.html, .svg or .json (Perfetto).",
    )
    keep = click.Option(["--record"], metavar="FILE", help="Record the run, for replay; - is stdout.")
    force = click.Option(["--force"], is_flag=True, help="Overwrite files that exist.")
    lanes = click.Option(["--live"], is_flag=True, help=f"Show the timeline while the demo runs{keys}.")
    present = click.Option(
        ["--present"], is_flag=True, help="For the back row: --live, with large lanes and a large answer."
    )
    return [picture, *([keep] if record else []), force, *([lanes, present] if live else [])]


def open_outputs(values: dict[str, Any], *, json: bool) -> tuple[Output, ...]:
    """Open the files that the options in `values` name; with `json`, stdout is taken.

    Raises:
        click.BadParameter: a name ends in no known form, or a file exists and may not be overwritten.
        click.UsageError: two outputs want stdout.
        click.FileError: a file cannot be opened.
    """
    wanted = [("-o", name, _form(name)) for name in values["output"]]
    if values.get("record"):
        wanted.append(("--record", values["record"], ".jsonl"))
    if sum(_is_stdout(name) for _, name, _ in wanted) + json > 1:
        raise click.UsageError("only one of --json, -o - and --record - can have stdout.")
    for option, name, _ in wanted:
        _refuse_existing(option, name, force=values["force"])
    return tuple(Output(form, _open(name)) for _, name, form in wanted)


def open_file(option: str, name: str, *, force: bool) -> IO[str]:
    """Open the file that `option` names, to write text into it; ``-`` is stdout.

    Raises:
        click.BadParameter: the file exists, and may not be overwritten because `force` is false.
        click.FileError: the file cannot be opened.
    """
    _refuse_existing(option, name, force=force)
    return _open(name)


def _refuse_existing(option: str, name: str, *, force: bool) -> None:
    if not _is_stdout(name) and os.path.exists(name) and not force:
        raise click.BadParameter(f"{name} exists; name a new file, or add --force.", param_hint=option)


def _is_stdout(name: str) -> bool:
    return name == "-" or name.startswith("-.")


def _form(name: str) -> str:
    form = ".html" if name == "-" else splitext(name if name[:1] != "-" else f"x{name[1:]}")[1]
    if form not in FORMS:
        raise click.BadParameter(f"{quoted(name)} does not end in {', '.join(FORMS)}.", param_hint="-o")
    return form


def _open(name: str) -> IO[str]:
    if _is_stdout(name):
        return sys.stdout
    try:
        return open(name, "w", encoding="utf-8", newline="\n")
    except OSError as error:
        raise click.FileError(name, error.strerror) from error
