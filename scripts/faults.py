"""Write docs/faults.md from the tallies of `make soak`.

python scripts/faults.py TALLY... > docs/faults.md
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from soak import CASES

NO_TUTORIAL = {
    "A6": "its start is the interpreter's own",
    "C6": "no: it passes, with a friendly client",
    "C10": "it has no limit",
    "C12": "argparse refuses them, too",
    "H1": "no: it listens on one port, too",
    "H2": "no: it unpickles nothing, too",
    "H4": "no: it listens on 127.0.0.1, too",
}
"""Why a case does not fail on the tutorial server, or has no such test."""

HEAD = """# The fault programme

What is done to each command, how often that was tried for this page, and whether the same case was shown to
fail on a program written as tutorials write it (`tests/support/tutorial_server.py`, for one). After each run
an oracle checks: status and time, no process left, nothing on stderr, port free, no file left, no control
byte. The counts are tests that passed, of those that were run: commands, start methods and ways times
repetitions (`make soak`).
"""


def merged(files: list[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return the tallies of several files by Python version and case."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for file in files:
        for python, cases in json.loads(Path(file).read_text("utf-8")).items():
            for case, tally in cases.items():
                found.setdefault(python, {}).setdefault(case, []).append(tally)
    return found


def _count(tallies: list[dict[str, Any]]) -> str:
    passed, failed = (sum(tally[fate] for tally in tallies) for fate in ("passed", "failed"))
    return f"{passed} of {passed + failed}"


def main() -> None:
    """Write the page to stdout."""
    found = merged(sys.argv[1:])
    pythons = sorted(found)
    lines = [HEAD, f"| case | what is done | commands | {' | '.join(pythons)} | the tutorial's fails |"]
    lines.append("|---|---|---|---|" + "---|" * len(pythons))
    for case, what in CASES.items():
        tallies = {python: found[python].get(case, []) for python in pythons}
        everywhere = [tally for each in tallies.values() for tally in each]
        counts = [_count(each) for each in tallies.values()]
        commands = ", ".join(sorted({command for tally in everywhere for command in tally["commands"]}))
        shown = any(tally["tutorial"] for tally in everywhere)
        tutorial = "yes" if shown else NO_TUTORIAL.get(case, "none of its commands has one")
        lines.append(f"| {case} | {what} | {commands or '-'} | {' | '.join(counts)} | {tutorial} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
