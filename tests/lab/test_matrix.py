"""Every script does what its lesson expects, on this Python, under every start method."""

import sys

import pytest
from harness import run
from selection import DEFAULT

from procdemo.demo.settings import StartMethod
from procdemo.lab.lesson import VERDICTS, lessons

METHODS = [method.value for method in StartMethod]
RUNS = [
    (lesson.name, script.kind, method)
    for lesson in lessons().values()
    if not lesson.missing()
    for script in lesson.scripts
    for method in lesson.methods(METHODS)
]

KNOWN = sys.version_info < (3, 16)
"""Whether the expectations were tried on this Python; on a newer one a change is news, not a fault."""

pytestmark = pytest.mark.timeout(600)  # the test that comes first waits for all scripts


@pytest.fixture(scope="module")
def methods(request):
    """Return the start methods under which all scripts are run."""
    return METHODS if request.config.getoption("--all") else [DEFAULT]


@pytest.fixture(scope="module")
def matrix(methods):
    """Return the run of all scripts, for all tests."""
    chosen = ["--start-method", "all"] if len(methods) > 1 else []
    return run("lab", "--all", *chosen, "--json", "--timeout", "450", limit=480)


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


def test_it_leaves_nothing_and_says_so(matrix, methods):
    matrix.assert_clean(0 if KNOWN else [0, 1], stderr_lines=0)
    assert matrix.summary["scripts"] == sum(method in {"", *methods} for _, _, method in RUNS)
    assert matrix.summary["survivors"] == 0


def test_a_row_for_each_script(matrix, methods):
    rows = [event.data for event in matrix.named("verdicts")]
    run = {(name, kind) for name, kind, method in RUNS if method in {"", *methods}}
    assert {(row["lesson"], row["script"]) for row in rows} == run
    assert all(row.keys() == {"lesson", "script", *methods} for row in rows)
