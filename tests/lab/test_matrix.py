"""Every script does what its lesson expects, on this Python, under every start method.

``make test`` runs a third of the lessons. ``procdemo lab --all`` runs them all in half a minute, and so does
CI on each Python.
"""

import sys

import pytest
from harness import run
from selection import DEFAULT, THOROUGH, some

from procdemo.demo.settings import StartMethod
from procdemo.lab.lesson import VERDICTS, find, lessons

METHODS = [method.value for method in StartMethod]
NAMES = sorted(lesson.name for lesson in lessons().values() if not lesson.missing())
SOME = {NAMES[place] for place in some(len(NAMES))}
RUNS = [
    pytest.param(name, script.kind, method, marks=[] if name in SOME else THOROUGH)
    for name in NAMES
    for script in find(name).scripts
    for method in find(name).methods(METHODS)
]

KNOWN = sys.version_info < (3, 16)
"""Whether the expectations were tried on this Python; on a newer one a change is news, not a fault."""

pytestmark = pytest.mark.timeout(600)  # the test that comes first waits for all scripts


@pytest.fixture(scope="module")
def methods(request):
    """Return the start methods under which the scripts are run."""
    return METHODS if request.config.getoption("--all") else [DEFAULT]


@pytest.fixture(scope="module")
def matrix(methods):
    """Return the run of the scripts, for all tests."""
    chosen = ["--all", "--start-method", "all"] if methods == METHODS else sorted(SOME)
    return run("lab", *chosen, "--json", "--timeout", "450", limit=480)


@pytest.fixture(scope="module")
def expected(methods):
    """Return what has to be run: lesson, script and start method."""
    chosen = [param.values for param in RUNS if methods == METHODS or not param.marks]
    return [(name, kind, method) for name, kind, method in chosen if method in {"", *methods}]


@pytest.mark.parametrize(("lesson", "script", "method"), RUNS)
def test_a_script_does_what_its_lesson_expects(matrix, methods, lesson, script, method):
    if method not in {"", *methods}:
        pytest.skip("the lesson is about another start method: make test-all")
    names = {"lesson": lesson, "script": script, "start_method": method}
    (end,) = [
        event
        for event in matrix.named("script")
        if event.kind == "end" and names.items() <= event.data.items()
    ]
    if KNOWN:
        assert end.data["differs"] == "", end.data
    assert end.data["verdict"].split()[0] in VERDICTS


def test_it_leaves_nothing_and_says_so(matrix, expected):
    matrix.assert_clean(0 if KNOWN else [0, 1], stderr_lines=0)
    assert matrix.summary["scripts"] == len(expected)
    assert matrix.summary["survivors"] == 0


def test_a_row_for_each_script(matrix, methods, expected):
    rows = [event.data for event in matrix.named("verdicts")]
    assert {(row["lesson"], row["script"]) for row in rows} == {(name, kind) for name, kind, _ in expected}
    assert all(row.keys() == {"lesson", "script", *methods} for row in rows)
