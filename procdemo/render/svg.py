"""The last screen as a picture: one SVG file with no web font and no outside request."""

import io
from typing import IO, Any

from rich.console import Console as Terminal

from procdemo.demo.events import Event

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


class Svg:
    """Draws a run by another sink on a terminal that nobody sees, and keeps what is on it."""

    def __init__(self, file: IO[str], terminal: Terminal, sink: Any) -> None:
        """Write to `file`; `sink` draws on `terminal`."""
        self._file = file
        self._terminal = terminal
        self._sink = sink

    def __call__(self, event: Event) -> None:
        """Take one event."""
        self._sink(event)

    def flush(self) -> None:
        """Draw what was taken."""
        self._sink.flush()

    def close(self) -> None:
        """Write the picture."""
        self._sink.close()
        self._file.write(self._terminal.export_svg(title="procdemo", code_format=_FORM, unique_id="screen"))
