"""Whole screens, character by character: four recorded runs in three widths, one of them a log of schema 1.

The expected screens are in tests/golden. To write them again, and then read the difference in git:
GOLDEN=write python -m pytest --all tests/render/test_golden.py
"""

import os
from itertools import product
from pathlib import Path

import pytest
from harness import run
from rich.cells import cell_len
from selection import only

FOLDER = Path(__file__).parents[1] / "golden"
WIDTHS = [60, 80, 120]
FORMS = ["plain", "present"]
SOME = {(60, ""), (80, ""), *((80, form) for form in FORMS)}


@pytest.mark.parametrize(
    ("width", "form"),
    only(SOME, product(WIDTHS, ("", *FORMS))),
)
@pytest.mark.parametrize("log", sorted(FOLDER.glob("*.jsonl")), ids=lambda log: log.stem)
def test_the_screen(log, width, form):
    options = [f"--{form}"] if form else []
    output = run("replay", str(log), *options, env={"COLUMNS": str(width)}).assert_clean(0).stdout
    golden = FOLDER / f"{log.stem}-{width}{form and '-'}{form}.txt"
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(output, "utf-8")
    assert output == golden.read_text("utf-8")
    assert max(cell_len(line) for line in output.splitlines()) <= width
    assert form != "present" or len(output.splitlines()) <= 22
    assert output.isascii() == (form == "plain")


def test_each_has_all_its_widths():
    logs = list(FOLDER.glob("*.jsonl"))
    assert len(logs) == 4
    assert len(list(FOLDER.glob("*.txt"))) == len(logs) * len(WIDTHS) * (1 + len(FORMS))
