"""The table of docs/lab.md has the verdicts of the logs."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "scripts" / "matrix.py"


def log(path, python, **verdicts):
    """Write a log with a verdict on the broken script of join-before-drain for each start method."""
    events = [{"kind": "mark", "name": "meta", "data": {"python": python}}]
    for method, verdict in verdicts.items():
        names = {"lesson": "join-before-drain", "script": "broken", "start_method": method}
        data = {**names, "verdict": verdict.rstrip("!"), "differs": "x" if verdict.endswith("!") else ""}
        events.append({"kind": "end", "name": "script", "data": data})
    path.write_text("\n".join(map(json.dumps, events)))
    return str(path)


def row(*logs):
    page = subprocess.run([sys.executable, SCRIPT, *logs], check=True, capture_output=True, text=True).stdout
    (line,) = [line for line in page.splitlines() if line.startswith("| `join-before-drain` |")]
    return page, [cell.strip() for cell in line.split("|")[4:-1]]


def test_one_verdict_for_all_start_methods(tmp_path):
    first = log(tmp_path / "a", "3.11.2", fork="HUNG", spawn="HUNG")
    second = log(tmp_path / "b", "3.13.0", fork="LOST 17", spawn="LOST 3")
    page, cells = row(first, second)
    assert cells == ["broken", "HUNG", "LOST"]
    assert "on 3.11.2, 3.13.0\n" in page


def test_verdicts_that_differ_and_an_unexpected_one(tmp_path):
    assert row(log(tmp_path / "a", "3.14.1", fork="OK!", spawn="HUNG"))[1] == [
        "broken",
        "fork OK (!), spawn HUNG",
    ]
