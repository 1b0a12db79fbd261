"""Tables in Markdown, and the events of a demo that they are made of."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROCDEMO = str(Path(sys.executable).with_name("procdemo"))
REPEAT = 3
"""How often a figure is measured of which the best is taken."""


@dataclass
class Table:
    """A table of the page."""

    title: str
    rows: list[dict[str, Any]]

    def __str__(self) -> str:
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        lines = [
            f"\n### {self.title}\n",
            f"| {' | '.join(column.replace('_', ' ') for column in columns)} |",
            "|---|" + "---:|" * (len(columns) - 1),
        ]
        lines += [f"| {' | '.join(cell(row.get(column)) for column in columns)} |" for row in self.rows]
        return "\n".join(lines)


def cell(value: Any) -> str:
    """Return a value as the text of a cell."""
    if isinstance(value, float):
        value = float(f"{value:.3g}")
        value = int(value) if value.is_integer() else value
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else str("" if value is None else value)


def events(*args: str) -> list[dict[str, Any]]:
    """Run a demo; return its events."""
    sys.stderr.write(f"procdemo {' '.join(args)}\n")
    done = subprocess.run([PROCDEMO, *args, "--json"], stdout=subprocess.PIPE, check=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def best(key: str, *args: str) -> float:
    """Return the largest figure of some runs: other programs have disturbed that run least."""
    return max(events(*args)[-1]["data"][key] for _ in range(REPEAT))


def tables_in(page: str) -> dict[str, dict[str, dict[str, str]]]:
    """Return the tables of a page in Markdown: by title, by design, by column."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    title, columns = "", list[str]()
    for line in page.splitlines():
        if line.startswith("#"):
            title, columns = line.lstrip("# "), []
        elif line.startswith("|") and not line.startswith("|--"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if columns:
                found.setdefault(title, {})[cells[0]] = dict(zip(columns, cells, strict=True))
            columns = columns or cells
    return found
