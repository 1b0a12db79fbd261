"""The packages: few at the top, few imports between them. lint-imports checks that none points up."""

import ast
from pathlib import Path

import pytest

import procdemo

PACKAGE = Path(procdemo.__file__).parent
PATTERNS = [path for path in sorted(PACKAGE.glob("patterns/*.py")) if path.stem != "__init__"]
MODULES = {"__init__.py", "__main__.py", "catalog.py", "py.typed"}


def packages_of(path):
    """Return our packages and top modules that the file at `path` imports from, its own left out."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("procdemo.")}
    return found & TOP - {top_of(path)}


def top_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


SOURCES = [path for path in PACKAGE.rglob("*.py") if "lessons" not in path.parts]
TOP = {top_of(path) for path in SOURCES}


def test_the_top_has_packages_and_few_modules():
    files = {path.name for path in PACKAGE.iterdir() if path.is_file()}
    assert files == MODULES
    folders = {path for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert all((folder / "__init__.py").is_file() for folder in folders)


def test_there_are_few_imports_between_packages():
    arrows = {(top_of(path), other) for path in SOURCES for other in packages_of(path)}
    assert ("patterns", "demo") in arrows
    assert len(arrows) <= 46, sorted(arrows)


@pytest.mark.parametrize("path", PATTERNS, ids=lambda path: path.stem)
def test_a_pattern_imports_from_few_packages(path):
    assert len(packages_of(path)) <= (5 if path.stem == "crawl_callback" else 4)


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if "plain" not in path.parts],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_nothing_waits_with_select(path):
    """It has no room for descriptors above 1,023 (FD_SETSIZE); `wait_ready`, poll and selectors have."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    names |= {
        f"{node.module}.{each.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for each in node.names
    }
    assert not names & {"select.select", "selectors.SelectSelector"}
