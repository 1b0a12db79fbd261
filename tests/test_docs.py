"""What docs/architecture.md, docs/truth.md and CONTRIBUTING.md name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["docs/architecture.md", "docs/truth.md", "CONTRIBUTING.md"]
NAME = re.compile(r"`([\w.*-]+(?:/[\w.*-]*)+|[\w-]+\.(?:py|md|toml))`")
TO_BE_WRITTEN = re.compile(r"my[-_]|NAME|^(?:broken|fixed|shows)\.py$|^lesson\.toml$")


def paths(page):
    """Return the files and folders that a page names, without those that its reader is to write."""
    names = NAME.findall((ROOT / page).read_text("utf-8"))
    return [name for name in names if not TO_BE_WRITTEN.search(name)]


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page):
    assert len(paths(page)) >= 4
    missing = [
        name for name in paths(page) if not (ROOT / name).exists() and not (ROOT / "procdemo" / name).exists()
    ]
    assert not missing


def test_architecture_has_a_line_for_every_package():
    packages = {path.parent.name for path in (ROOT / "procdemo").glob("*/__init__.py")}
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert set(re.findall(r"^- `(\w+)/`:", page, re.MULTILINE)) == packages
