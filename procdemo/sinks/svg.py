"""The last screen as a picture: one SVG file with no web font and no outside request."""

import io
from pathlib import Path

from rich.console import Console as Terminal

WIDTH = 100
"""Columns of a picture."""

# Rich's own form asks a web server for its font; the reader's monospace does as well.
_FORM = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px "DejaVu Sans Mono", monospace }}
.{unique_id}-title {{ font: bold 18px sans-serif }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def screen() -> Terminal:
    """Return a terminal that nobody sees and that remembers what is drawn on it."""
    return Terminal(
        file=io.StringIO(),
        record=True,
        width=WIDTH,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
    )


def save(terminal: Terminal, path: Path, title: str) -> None:
    """Write what was drawn on `terminal` to `path`, under `title`.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_text(terminal.export_svg(title=title, code_format=_FORM, unique_id="screen"), encoding="utf-8")
