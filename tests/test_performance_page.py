"""docs/performance.md says what docs/performance-tables.md has measured."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "scripts"))

import performance  # noqa: E402 - a script


def test_the_table_for_learners_is_made_of_the_tables():
    tables = performance.PAGE.read_text("utf-8")
    lines = performance.to_remember(tables)
    assert "\n".join(lines) in performance.OVERVIEW.read_text("utf-8")
    assert performance.BEGIN in tables
    assert performance.END in tables


def test_a_figure_that_has_changed_changes_the_table():
    tables = performance.PAGE.read_text("utf-8")
    before = performance.tables_in(tables)["bench start: ms for a start"]["thread"]["median"]
    slower = re.sub(rf"\| thread \| {re.escape(before)} \|", "| thread | 5 |", tables, count=1)
    assert "| start a thread or a process | thread | 5 ms | 1 |" in performance.to_remember(slower)


def test_what_is_between_the_marks_is_replaced(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<a>\nold\n<b>\nafter\n")
    performance.replace_between(page, "<a>", ["new"], "<b>")
    assert page.read_text() == "before\n<a>\nnew\n<b>\nafter\n"
