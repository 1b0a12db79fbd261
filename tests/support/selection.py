"""Which tests ``make test`` runs, and which only ``make test-all`` (``--all``).

``make test`` runs each test under the interpreter's default start method. A test with the mark ``core`` is
run under the others, too; a test with the mark ``thorough`` is left out. It is for the minutes before a
commit.
"""

import multiprocessing
import re
from collections import defaultdict
from collections.abc import Sequence

import pytest

_METHOD = re.compile(r"(?<=[\[-])(?:forkserver|fork|spawn)(?=[\]-])")
DEFAULT = multiprocessing.get_all_start_methods()[0]  # documented: the first is the default


def start_method_of(item: pytest.Item) -> str:
    """Return the start method in the parameters of a test; empty if there is none."""
    found = _METHOD.findall(item.name)
    return found[-1] if found else ""


def without_start_method(item: pytest.Item) -> str:
    """Return the name of a test without its start method: the same for all its variants."""
    return _METHOD.sub("", item.nodeid)


def short_selection(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the tests for ``make test``."""
    variants: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if not item.get_closest_marker("thorough"):
            variants[without_start_method(item)].append(item)
    chosen = set()
    for alike in variants.values():
        usual = [item for item in alike if start_method_of(item) in {"", DEFAULT}]
        core = [item for item in alike if item.get_closest_marker("core")]
        chosen |= {*core, *(usual or alike[:1])}
    return [item for item in items if item in chosen]
