"""The picture of a running program on the screen: a block for each process, the circle, the answer."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from rich.console import Console
from rich.text import Text

from procdemo.demo.text import printable
from procdemo.render.terminal import terminal, wrapped

_STYLES = {
    "deadlock": "bold red",
    "stuck": "bold red",
    "computing": "green",
    "outside": "green",
    "sleeping": "green",
}


class XrayScreen:
    """Writes the picture to stdout, or to another screen."""

    def __init__(self, *, colour: bool | None, screen: Console | None = None) -> None:
        self._terminal = screen or terminal(colour)

    def processes(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write the threads of each process below its name."""
        for _, group in groupby(rows, key=itemgetter("pid")):
            own = list(group)
            first = own[0]
            name = f" (PID {first['pid']}): {first['program']}" if first["role"] == "main" else ""
            self.heading(f"{first['role']}{name}")
            for row in own:
                self.thread(row)

    def thread(self, row: Mapping[str, Any]) -> None:
        """Write one thread: its state, its own line, and what it waits for."""
        at = f" at {row['file'].rpartition('/')[2]}:{row['line']} in {row['function']}" if row["file"] else ""
        code = f": {row['source']}" if row["source"] else ""
        self._line(f"  {row['thread']}: ", f"{row['state']}{at}{code}", 4)
        if row["waits_for"]:
            self._line("    ", f"waits for {row['waits_for']}", 6)

    def heading(self, text: str) -> None:
        """Write the first line of a process, or of another part."""
        self._line("", text, 2, "bold")

    def circle(self, sentences: Sequence[str]) -> None:
        """Write the circle."""
        if sentences:
            self._line("", "A circle:", 2, "bold red")
        for sentence in sentences:
            self._line("  ", sentence, 4, "red")

    def answer(self, verdict: str, answer: str) -> None:
        """Write the last line."""
        self._line("", f"{verdict}: {answer}.", 2, _STYLES.get(verdict, "bold"))

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Write a table: its first row is the heading."""
        cells = [[printable(cell, 60) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            line = "  ".join(
                cell.rjust(width) if cell.isdecimal() else cell.ljust(width)
                for cell, width in zip(row, widths, strict=True)
            )
            self._line("", line.rstrip(), 2)

    def _line(self, head: str, text: str, indent: int, style: str = "") -> None:
        """Write a line, broken at the width of the terminal; later rows are indented."""
        line = printable(head + text)
        first, *rest = wrapped(line, self._terminal.width, self._terminal)
        self._terminal.print(Text(first, style), soft_wrap=True)
        if rest:
            again = line[len(first) :].strip()
            for row in wrapped(again, self._terminal.width - indent, self._terminal):
                self._terminal.print(Text(" " * indent + row, style), soft_wrap=True)
