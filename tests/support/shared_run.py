"""One test run in several pytest processes: each takes the next group of tests that no other has taken.

A pytest plugin (``-p shared_run --share FOLDER``); scripts/run_tests.py starts the processes.
pytest-xdist does not do: its workers have a second thread, and a fork() beside a thread is a warning
from Python 3.12 on: an error here. All processes must collect the same tests in the same order. A
group is taken by making a file in the folder. The results go there, too; scripts/run_tests.py sums them up.
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

_GROUP = 8  # tests of one file that are taken together: small enough that all processes end together


def has_shared_fixture(item: pytest.Item) -> bool:
    """Return whether a test uses a fixture of its file that is made once for all tests of the file."""
    found = getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009 - pytest has no public way
    return any(fixture.scope == "module" for fixtures in found for fixture in fixtures)


def groups(items: Sequence[pytest.Item]) -> list[list[pytest.Item]]:
    """Return the tests in groups; files with a shared fixture come first, because they take longest."""
    whole = {item.path for item in items if has_shared_fixture(item)}
    return sorted(_groups(items, whole), key=lambda group: group[0].path not in whole)


def _groups(items: Sequence[pytest.Item], whole: set[Path]) -> Iterator[list[pytest.Item]]:
    """Yield tests that follow each other in one file; at most `_GROUP`, unless it stays `whole`."""
    group: list[pytest.Item] = []
    for item in items:
        full = len(group) >= _GROUP and item.path not in whole
        if group and (full or item.path != group[0].path):
            yield group
            group = []
        group.append(item)
    if group:
        yield group


class SharedRun:
    """This process's share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._results: list[tuple[str, str, str, float]] = []

    def _take(self, number: int) -> bool:
        """Return whether the group is ours: whether no other process has made its file before."""
        try:
            os.close(os.open(self._folder / f"group-{number}", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run what this process can take, instead of everything."""
        if session.testsfailed:  # a file could not be collected
            raise session.Interrupted(f"{session.testsfailed} errors during collection")
        if session.config.option.collectonly:
            return True
        for number, group in enumerate(groups(session.items)):
            if not self._take(number):
                continue
            for item, following in zip(group, [*group[1:], None], strict=True):
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.shouldfail or session.shouldstop:
                    raise session.Failed(session.shouldfail or session.shouldstop)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how long a test took, and how it ended."""
        self._results.append((report.nodeid, report.when or "", report.outcome, report.duration))

    def pytest_sessionfinish(self) -> None:
        """Leave the results in the folder."""
        (self._folder / f"results-{os.getpid()}.json").write_text(json.dumps(self._results), "utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--share``."""
    parser.addoption("--share", type=Path, help="run only what no other process with this folder runs")


def pytest_configure(config: pytest.Config) -> None:
    """Take part in this run."""
    if folder := config.getoption("--share"):
        config.pluginmanager.register(SharedRun(folder))
