"""The source of a demo or a lesson, printed."""

import sys

from procdemo.cli.common_options import ViewOptions


def show_source(code: str, view: ViewOptions) -> None:
    """Print a program, coloured on a terminal."""
    from rich.syntax import Syntax

    from procdemo.render.terminal import terminal

    screen = terminal(view.colour)
    if screen.color_system and not (view.json or view.plain):
        screen.print(Syntax(code, "python", background_color="default"))
    else:
        sys.stdout.write(code)
