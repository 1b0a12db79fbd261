"""The last screen as a picture: one SVG file, without a web font or any other request."""

import io
from typing import IO

from rich.console import Console as Terminal

from procdemo.demo.events import Event
from procdemo.render.renderer import Renderer

WIDTH = 100
"""Columns of a picture."""

# Rich's own form loads its font from a web server; here the reader's monospace font is used.
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
    """Return a terminal in memory, which records what is drawn on it."""
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


class Svg:
    """Has another renderer draw a run on a terminal in memory, and writes what is on it."""

    def __init__(self, file: IO[str], terminal: Terminal, renderer: Renderer) -> None:
        """Write to `file`; `renderer` draws on `terminal`."""
        self._file = file
        self._terminal = terminal
        self._renderer = renderer

    def __call__(self, event: Event) -> None:
        """Take one event."""
        self._renderer(event)

    def flush(self) -> None:
        """Draw what was taken."""
        self._renderer.flush()

    def close(self) -> None:
        """Write the picture."""
        self._renderer.close()
        self._file.write(self._terminal.export_svg(title="procdemo", code_format=_FORM, unique_id="screen"))
