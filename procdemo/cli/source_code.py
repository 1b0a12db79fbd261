"""The source of a demo or a lesson, printed or saved."""

import importlib
import inspect
import sys
from importlib import resources

from procdemo.catalog import Demo
from procdemo.cli.common_options import ViewOptions
from procdemo.cli.output_files import open_file


def source_of(demo: Demo, *, full: bool) -> str:
    """Return the plain twin of a demo; its own module if `full`, or if it has no twin."""
    if demo.twin and not full:
        return resources.files("procdemo.patterns").joinpath("plain", demo.twin).read_text("utf-8")
    return inspect.getsource(importlib.import_module(demo.module))


def show_source(code: str, view: ViewOptions) -> None:
    """Print a program, coloured on a terminal."""
    from rich.syntax import Syntax

    from procdemo.render.terminal import terminal

    screen = terminal(view.colour)
    if screen.color_system and not (view.json or view.plain):
        screen.print(Syntax(code, "python", background_color="default"))
    else:
        sys.stdout.write(code)


def save_source(code: str, name: str, *, force: bool) -> None:
    """Write a program into the file that ``-o`` names.

    Raises:
        click.BadParameter: the file exists, and may not be overwritten because `force` is false.
        click.FileError: the file cannot be opened.
    """
    file = open_file("-o", name, force=force)
    file.write(code)
    if file is not sys.stdout:
        file.close()
