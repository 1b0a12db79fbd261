"""Write docs/lab.md: the verdict on every script of the lab, on each Python that has run them.

procdemo lab --all --start-method all --json > 3.13.jsonl
python scripts/matrix.py docs/lab.md 3.11.jsonl 3.12.jsonl 3.13.jsonl

The columns of Pythons without a log stay as they are in the page: so CI writes those of the Pythons it has,
and `make free-threaded` that of a Python without a GIL.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

from procdemo.lab.lesson import CHAPTERS, lessons

METHODS = ("fork", "spawn", "forkserver")

HEAD = """# What is true where

Each script of `procdemo lab`, run by `procdemo lab --all --start-method all`. One verdict stands for all
start methods. HUNG, LOST and ERROR are the expected verdicts on a `broken.py`. If a verdict is not the
expected one, it is marked with (!): then Python has changed.

| column | Python | run by |
|---|---|---|
{pythons}
"""
BY_CI, BY_SOAK = "every run of CI", "the last soak (`make free-threaded`)"
FREE = ", a free-threaded build"
_PYTHON = re.compile(r"\| (3\.\d+t?) \| (\S+?)(?:, .*)? \| .* \|")
_ROW = re.compile(r"\| (.*) \|")

Cells = dict[tuple[str, str, str], str]
"""The verdicts in a cell, by lesson, script and column."""


class Page(NamedTuple):
    """What is in docs/lab.md."""

    versions: dict[str, str]
    """By the heading of the column: the version of Python."""
    cells: Cells


def read_page(text: str) -> Page:
    """Return what a page has."""
    page = Page({}, {})
    columns: list[str] = []
    lesson = ""
    for line in text.splitlines():
        if python := _PYTHON.fullmatch(line):
            page.versions[python[1]] = python[2]
        elif row := _ROW.fullmatch(line):
            first, _, _, script, *cells = row[1].split(" | ") + [""] * 3
            if first == "lesson":
                columns = row[1].split(" | ")[4:]
            elif script:
                lesson = first.strip(" `") or lesson
                names = ((lesson, script, column) for column in columns)
                page.cells.update(zip(names, cells, strict=False))
    return page


def read_log(path: str) -> Page:
    """Return what a run of the lab has found."""
    events = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    (summary,) = (
        event["data"] for event in events if (event["kind"], event["name"]) == ("result", "summary")
    )
    version = events[0]["data"]["python"]
    column = version.rpartition(".")[0] + "t" * ("free-threaded" in summary["interpreter"])
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for event in events:
        if (event["kind"], event["name"]) == ("end", "script"):
            end: dict[str, Any] = event["data"]
            verdict = end["verdict"].split()[0] + (" (!)" if end["differs"] else "")
            found.setdefault((end["lesson"], end["script"], column), {})[end["start_method"]] = verdict
    return Page({column: version}, {where: cell(verdicts) for where, verdicts in found.items()})


def cell(found: dict[str, str]) -> str:
    """Return the verdicts under all start methods: one word if they are equal."""
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return ", ".join(f"{method} {found[method]}" for method in METHODS if method in found)


def write(page: Page) -> str:
    """Return the page; a script that a Python has not run has a dash."""
    columns = sorted(page.versions, key=lambda column: (int(column.strip("t").partition(".")[2]), column))
    pythons = []
    for column in columns:
        free, by = (FREE, BY_SOAK) if column.endswith("t") else ("", BY_CI)
        pythons.append(f"| {column} | {page.versions[column]}{free} | {by} |")
    lines = [HEAD.format(pythons="\n".join(pythons))]
    for chapter, title in CHAPTERS.items():
        lines.append(f"\n## {chapter}. {title}\n")
        lines.append(f"| lesson | notes | what is true | script | {' | '.join(columns)} |")
        lines.append("|---|---|---|---|" + "---|" * len(columns))
        for lesson in (lesson for lesson in lessons().values() if lesson.chapter == chapter):
            for script in lesson.scripts:
                cells = [page.cells.get((lesson.name, script.kind, column), "-") for column in columns]
                names = [f"`{lesson.name}`", " ".join(lesson.notes), lesson.claim]
                first = script is lesson.scripts[0]
                lines.append(f"| {' | '.join([*(names if first else ['', '', '']), script.kind, *cells])} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Put the verdicts of some logs into a page."""
    target, *logs = sys.argv[1:]
    path = Path(target)
    page = read_page(path.read_text("utf-8") if path.exists() else "")
    for log in map(read_log, logs):
        column = next(iter(log.versions))
        kept = {where: verdicts for where, verdicts in page.cells.items() if where[2] != column}
        page = Page(page.versions | log.versions, kept | log.cells)
    path.write_text(write(page), "utf-8")


if __name__ == "__main__":
    main()
