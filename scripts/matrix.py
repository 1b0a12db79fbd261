"""Write docs/lab.md: the verdict on every script of the lab, on each Python that has run them.

procdemo lab --all --start-method all --json > 3.13.jsonl
python scripts/matrix.py 3.11.jsonl 3.12.jsonl 3.13.jsonl 3.14.jsonl 3.15.jsonl > docs/lab.md
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from procdemo.lab.lesson import CHAPTERS, lessons

METHODS = ("fork", "spawn", "forkserver")

HEAD = """# What is true where

Each script of `procdemo lab`, run by `procdemo lab --all --start-method all` on {versions}
(every run of CI does it). One verdict stands for all start methods. HUNG, LOST and ERROR are the expected
verdicts on a `broken.py`. If a verdict is not the expected one, it is marked with (!): then Python has
changed.
"""


def read(path: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the version of Python and the ends of all scripts in a log."""
    events = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    ends = [event["data"] for event in events if (event["kind"], event["name"]) == ("end", "script")]
    return events[0]["data"]["python"], ends


def cell(found: dict[str, str]) -> str:
    """Return the verdicts under all start methods: one word if they are equal."""
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return ", ".join(f"{method} {found[method]}" for method in METHODS if method in found)


def main() -> None:
    """Write the page to stdout."""
    found: dict[tuple[str, str, str], dict[str, str]] = defaultdict(dict)
    versions, pythons = [], []
    for path in sys.argv[1:]:
        version, ends = read(path)
        python = version.rpartition(".")[0]
        versions.append(version)
        pythons.append(python)
        for end in ends:
            verdict = end["verdict"].split()[0] + (" (!)" if end["differs"] else "")
            found[end["lesson"], end["script"], python][end["start_method"]] = verdict
    lines = [HEAD.format(versions=", ".join(versions))]
    for chapter, title in CHAPTERS.items():
        lines.append(f"\n## {chapter}. {title}\n")
        lines.append(f"| lesson | notes | what is true | script | {' | '.join(pythons)} |")
        lines.append("|---|---|---|---|" + "---|" * len(pythons))
        for lesson in (lesson for lesson in lessons().values() if lesson.chapter == chapter):
            for script in lesson.scripts:
                cells = [cell(found[lesson.name, script.kind, python]) for python in pythons]
                names = [f"`{lesson.name}`", " ".join(lesson.notes), lesson.claim]
                first = script is lesson.scripts[0]
                lines.append(f"| {' | '.join([*(names if first else ['', '', '']), script.kind, *cells])} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
