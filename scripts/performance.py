"""Measure what docs/performance-tables.md shows between its two marks, and write it there.

The table in docs/performance.md, for learners, is made of those tables.

python scripts/performance.py          (about six minutes; the machine must have nothing else to do)
python scripts/performance.py --read   (measures nothing: makes docs/performance.md of the tables as they are)

Both also draw docs/growth.svg, of the same tables.
"""

import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import curves
import growth
from tables import Table, events, tables_in

from procdemo.demo.settings import usable_cpus

DOCS_FOLDER = Path(__file__).parents[1] / "docs"
PAGE = DOCS_FOLDER / "performance-tables.md"
BEGIN, END = "<!-- measured by scripts/performance.py -->", "<!-- end of what was measured -->"
OVERVIEW = DOCS_FOLDER / "performance.md"
OVERVIEW_BEGIN = "<!-- from performance-tables.md, by scripts/performance.py -->"
OVERVIEW_END = "<!-- end of what is from performance-tables.md -->"
TO_REMEMBER = (
    (
        "start a thread or a process",
        "bench start: ms for a start",
        "median",
        1e3,
        (
            "thread",
            "os.fork()",
            "Process, fork",
            "Process, forkserver",
            "Process, spawn",
        ),
    ),
    (
        "send an item to another process",
        "bench queues: items per second",
        "median",
        0,
        (
            "Queue, 100 in a message",
            "Queue",
            "Manager().Queue",
        ),
    ),
    (
        "have a pool do a task",
        "bench pools: break-even",
        "way us",
        1,
        (
            "Pool.map",
            "Pool.apply_async, a callback",
            "executor.submit",
        ),
    ),
    (
        "serve a new connection",
        "bench servers: connections per second, 8 clients",
        "median",
        0,
        (
            "2 pre-forked event loops",
            "Pool(8)",
            "a thread for each",
            "a process for each, fork",
            "a process for each, spawn",
        ),
    ),
)
"""What a learner should remember: title, table, column, unit in us (0: so many a second), designs."""
BENCHES = {
    "start": ["--budget", "20"],
    "queues": ["--budget", "20"],
    "pools": ["--budget", "20"],
    "servers": ["--budget", "40", "--hold", "10000", "--patience", "20"],
}


def benches() -> Iterator[Table]:
    """Yield the tables of each comparison."""
    for bench, args in BENCHES.items():
        found: dict[str, list[dict[str, Any]]] = {}
        log = events("bench", bench, *args)
        for event in log:
            if event["kind"] == "result" and event["name"] != "summary":
                row = {key: value for key, value in event["data"].items() if key != "bar"}
                found.setdefault(event["name"], []).append(row)
        verdict = log[-1]["data"]["verdict"]
        for title, rows in found.items():
            yield Table(f"bench {bench}: {title}", rows)
        sys.stderr.write(f"  {verdict}\n")


def about() -> Iterable[str]:
    """Yield the lines that name the machine and the Python."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if "model name" in line
        ),
        "",
    )
    yield f"\nMeasured on {time.strftime('%Y-%m-%d')}: {usable_cpus()} CPUs ({model or platform.machine()}),"
    yield f"{platform.system()} {os.uname().release}, CPython {platform.python_version()}."


def to_remember(page: str) -> list[str]:
    """Return the lines of the table for learners, made of the tables of a page."""
    tables = tables_in(page)
    lines = ["", "| to ... | by | takes about | times the first |", "|---|---|---:|---:|"]
    for what, title, column, unit, designs in TO_REMEMBER:
        figures = {name: float(tables[title][name][column].replace(",", "")) for name in designs}
        times = {name: figure * unit if unit else 1e6 / figure for name, figure in figures.items()}
        for name, us in times.items():
            ratio = us / times[designs[0]]
            said = f"{_short(us)} us" if us < 1e3 else f"{_short(us / 1e3)} ms"  # noqa: PLR2004
            lines.append(f"| {what} | {name} | {said} | {ratio:,.0f} |")
            what = ""  # noqa: PLW2901 - said once
    return [*lines, ""]


def _short(figure: float) -> str:
    """Return a figure with two significant digits."""
    return f"{float(f'{figure:.2g}'):g}"


def replace_between(page: Path, begin: str, lines: Iterable[str], end: str) -> None:
    """Write `lines` between two marks of a page."""
    before, _, rest = page.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(before + "\n".join([begin, *lines, end]) + after, "utf-8")


def main() -> None:
    """Measure, and write the pages."""
    if sys.argv[1:] != ["--read"]:
        measured = [*benches(), *growth.tables()]
        replace_between(PAGE, BEGIN, [*about(), *map(str, measured), ""], END)
    page = PAGE.read_text("utf-8")
    replace_between(OVERVIEW, OVERVIEW_BEGIN, to_remember(page), OVERVIEW_END)
    curves.draw(page, DOCS_FOLDER / "growth.svg")


if __name__ == "__main__":
    main()
