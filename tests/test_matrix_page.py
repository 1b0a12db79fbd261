"""docs/lab.md has the verdicts of the logs, and keeps those of Pythons without a log."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "matrix.py"


@pytest.fixture
def write(tmp_path):
    """Return a function that puts logs into a page, and returns it with the cells of join-before-drain."""

    def put(*logs):
        page = tmp_path / "lab.md"
        subprocess.run([sys.executable, SCRIPT, page, *logs], check=True)
        text = page.read_text("utf-8")
        (line,) = [line for line in text.splitlines() if line.startswith("| `join-before-drain` |")]
        return text, [cell.strip() for cell in line.split("|")[4:-1]]

    return put


@pytest.fixture
def log(tmp_path):
    """Return a function that writes a log with a verdict on a broken script for each start method."""

    def make(python, *, build="gil", **verdicts):
        events = [{"kind": "mark", "name": "meta", "data": {"python": python}}]
        for method, verdict in verdicts.items():
            names = {"lesson": "join-before-drain", "script": "broken", "start_method": method}
            differs = "x" if verdict.endswith("!") else ""
            data = {**names, "verdict": verdict.rstrip("!"), "differs": differs}
            events.append({"kind": "end", "name": "script", "data": data})
        summary = {"interpreter": f"CPython {python.rpartition('.')[0]}, {build}, linux"}
        events.append({"kind": "result", "name": "summary", "data": summary})
        path = tmp_path / f"{python}-{build}.jsonl"
        path.write_text("\n".join(map(json.dumps, events)))
        return path

    return make


def test_one_verdict_for_all_start_methods(write, log):
    first = log("3.11.2", fork="HUNG", spawn="HUNG")
    second = log("3.13.0", fork="LOST 17", spawn="LOST 3")
    page, cells = write(second, first)
    assert cells == ["broken", "HUNG", "LOST"]
    assert "\n| 3.11 | 3.11.2 | every run of CI |\n| 3.13 | 3.13.0 | every run of CI |\n" in page


def test_verdicts_that_differ_and_an_unexpected_one(write, log):
    assert write(log("3.14.1", fork="OK!", spawn="HUNG"))[1] == ["broken", "fork OK (!), spawn HUNG"]


def test_a_column_without_a_log_is_kept(write, log):
    write(log("3.13.0", fork="HUNG"), log("3.13.15", build="free-threaded", fork="OK", spawn="LOST 2"))
    page, cells = write(log("3.13.1", fork="OK"), log("3.14.0", fork="HUNG"))
    assert cells == ["broken", "OK", "fork OK, spawn LOST", "HUNG"]
    assert "| 3.13 | 3.13.1 | every run of CI |" in page
    assert "| 3.13t | 3.13.15, a free-threaded build | the last soak (`make free-threaded`) |" in page
    assert write()[0] == page
