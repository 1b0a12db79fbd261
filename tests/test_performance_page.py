"""docs/performance.md says what docs/performance-tables.md has measured."""

import html
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "scripts"))

import curves  # noqa: E402 - a script
import performance  # noqa: E402 - another


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


def test_each_curve_is_of_a_table_and_in_the_picture():
    page = performance.PAGE.read_text("utf-8")
    picture = (performance.DOCS_FOLDER / "growth.svg").read_text("utf-8")
    for line in curves.measured_on(page).splitlines():
        assert line in html.unescape(picture)
    for panel in curves.PANELS:
        found = curves.curves_of(page, panel)
        assert [name for name in found if name.startswith("limit: ")]
        for name, points in found.items():
            assert len(points) >= 2, name
            assert f">{name}<" in html.unescape(picture)


def test_a_limit_grows_only_with_what_must_be_read_for_each():
    page = performance.PAGE.read_text("utf-8")
    for panel in curves.PANELS:
        limits = [
            points for name, points in curves.curves_of(page, panel).items() if name.startswith("limit")
        ]
        for (first, low), (last, high) in limits:
            assert high / low == (pytest.approx(last / first) if panel.y == "% of a CPU" else 1)
