"""The commands that are no demos: list, source, replay, completion."""

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

import click

from procdemo.syllabus import ROWS, find
from procdemo.view import MISSING, chosen_view, common_options, near


@click.command("list", params=common_options())
def list_(**values: Any) -> None:
    """List the demos, one a line.

    \b
    Example:
      procdemo list
    """
    import json

    width = max(len(row.name) for row in ROWS)
    as_json = chosen_view(values)["json"]
    for row in ROWS:
        told = {"name": row.name, "summary": row.summary}
        click.echo(json.dumps(told) if as_json else f"{row.name:<{width}}  {row.summary}")


@click.command(params=[click.Argument(["name"]), *common_options()])
def source(name: str, **values: Any) -> None:
    """Print the source of a demo: the lesson itself.

    \b
    Example:
      procdemo source prodcons
    """
    row = find(name)
    if row is None:
        hint = near(name, [row.name for row in ROWS])
        raise click.BadParameter(f"no demo called {name!r}. {hint}", param_hint="NAME")
    from procdemo import observer

    observer.show_source(inspect.getsource(importlib.import_module(row.module)), chosen_view(values))


_PICTURE = click.Option(
    ["-o", "--output"],
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.svg",
    help="Draw into this new file instead of on the screen.",
)


@click.command(params=[click.Argument(["file"], type=click.File("rb")), _PICTURE, *common_options()])
def replay(file: Any, output: Path | None, **values: Any) -> None:
    """Show a recorded run again.

    \b
    Examples:
      procdemo prodcons --json > run.jsonl
      procdemo replay run.jsonl
      procdemo replay run.jsonl -o run.svg
      procdemo prodcons --json | procdemo replay -
    """
    from procdemo import observer

    if output and output.exists():
        raise click.BadParameter(f"{output} exists; name a new file.", param_hint="-o")
    if output and output.suffix != ".svg":
        raise click.BadParameter(f"the name must end in .svg, not {output.name!r}.", param_hint="-o")
    sys.exit(observer.show_again(file, chosen_view(values), output))


_SHELL = click.Argument(["shell"], type=click.Choice(["bash", "fish", "powershell", "zsh"]))


@click.command(params=[_SHELL, *common_options()])
def completion(shell: str, **values: Any) -> None:
    """Print what makes a shell complete commands and options.

    \b
    Examples:
      procdemo completion bash
      eval "$(procdemo completion bash)"        (in ~/.bashrc)
      procdemo completion fish > ~/.config/fish/completions/procdemo.fish
    """
    from click.shell_completion import get_completion_class

    chosen_view(values)
    complete = get_completion_class(shell)
    if complete is None:  # click has PowerShell's from 8.5 on
        message = f"error: this click cannot complete in {shell}\ntry: python -m pip install -U click"
        click.echo(message, err=True)
        sys.exit(MISSING)
    root = click.get_current_context().find_root().command
    click.echo(complete(root, {}, "procdemo", "_PROCDEMO_COMPLETE").source())


TOOLS: dict[str, click.Command] = {
    "list": list_,
    "source": source,
    "replay": replay,
    "completion": completion,
}
"""By name, in the order of the help page."""
