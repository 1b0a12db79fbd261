"""Which tests ``make test`` runs, and which only ``make test-all`` (``--all``).

``make test`` runs each test under the interpreter's default start method. A test with the mark ``core`` is
run under the others, too; a test with the mark ``thorough`` is left out. It is for the minutes before a
commit.
"""

import multiprocessing
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence

import pytest
from _pytest.mark import ParameterSet

_METHOD = re.compile(r"(?<=[\[-])(?:forkserver|fork|spawn)(?=[\]-])")
THOROUGH = pytest.mark.thorough
DEFAULT = multiprocessing.get_all_start_methods()[0]  # documented: the first is the default


def start_method_of(item: pytest.Item) -> str:
    """Return the start method in the parameters of a test; empty if there is none."""
    found = _METHOD.findall(item.name)
    return found[-1] if found else ""


def without_start_method(item: pytest.Item) -> str:
    """Return the name of a test without its start method: the same for all its variants."""
    return _METHOD.sub("", item.nodeid)


def turn_of(test: Callable[..., object]) -> int:
    """Return a number made of the name of a test, so that not all begin with the same variant."""
    return zlib.crc32(test.__name__.encode("ascii"))


def some(variants: int, turn: int = 0) -> set[int]:
    """Return which of so many variants of a test ``make test`` runs: each third, at least one."""
    return {(turn + step) % variants for step in range(0, variants, 3)}


def only(wanted: Container[object], values: Iterable[object]) -> list[ParameterSet]:
    """Return values for a parameter of a test (tuples: for several).

    ``make test`` runs it with those `wanted`, ``make test-all`` with each.
    """
    params = []
    for value in values:
        row = value if type(value) is tuple else (value,)
        params.append(pytest.param(*row, marks=[] if value in wanted else THOROUGH))
    return params


def some_of(values: Iterable[object], turn: int = 0) -> list[ParameterSet]:
    """Return values for a parameter of a test, as `only`; ``make test`` runs it with `some` of them."""
    values = list(values)
    return only([values[place] for place in some(len(values), turn)], values)


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
