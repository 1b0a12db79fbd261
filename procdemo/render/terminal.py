"""Stdout and stderr as Rich sees them: whether there is colour, how wide they are, how lines break."""

import os
from typing import TextIO

from rich.console import Console as Terminal
from rich.text import Text

from procdemo.render.palette import LOOKS

_SIGNS = "".join(look.glyph for look in LOOKS.values())


def terminal(colour: bool | None, *, stderr: bool = False) -> Terminal:
    """Return stdout or stderr as Rich sees it.

    Args:
        colour: True always, False never, None as the terminal and the environment say.
        stderr: stderr instead of stdout.
    """
    if colour is None:
        colour = _colour_by_environment()
    screen = Terminal(
        stderr=stderr,
        force_terminal=True if colour else None,
        color_system=None if colour is False else "auto",
        no_color=not colour if colour is not None else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    if not screen.file.isatty():
        screen.width = pipe_width()
    return screen


def can_encode(stream: TextIO) -> bool:
    """Return whether `stream` can show the signs of the lanes and the frames of tables."""
    try:
        _SIGNS.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _colour_by_environment() -> bool | None:
    """Return what the usual variables ask for; an empty one counts as unset (no-color.org)."""
    environment = os.environ
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR") or environment.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
        return True
    if environment.get("CLICOLOR") == "0" or environment.get("TERM") == "dumb":
        return False
    return None


def pipe_width() -> int:
    """Return the width of lines in a pipe: what COLUMNS says; if it is not set, no line is broken."""
    columns = os.environ.get("COLUMNS", "")
    return max(int(columns), 20) if columns.isdecimal() else 1_000


def wrapped(sentence: str, width: int, terminal: Terminal) -> list[str]:
    """Break a sentence into rows of at most `width` cells (at least 24, beside the head)."""
    if len(sentence) <= width // 2:  # no character is wider than two cells
        return [sentence]
    return [row.plain.rstrip() for row in Text(sentence).wrap(terminal, max(width, 24))] or [""]


def broken_into_rows(line: Text, width: int, terminal: Terminal) -> list[str]:
    """Break a line into rows of at most `width` cells, without trailing blanks."""
    if len(line) <= width // 2:  # no character is wider than two cells
        return [line.plain]
    return [row.plain.rstrip() for row in line.wrap(terminal, width)]
