"""make soak: repeat every case of the fault programme, and print one line for each case at the end.

A pytest plugin (``-p soak``). A test belongs to the case with which its name, or the name of its parameter,
begins: ``test_b1_...``, ``a1_sigterm_when_idle``. Each repetition runs a test under one of its start methods,
chosen at random. Only the first repetition has the tests that show a case to fail on a tutorial program.
With ``--tally FILE`` the counts are added to those in that file, so that several runs, and several Pythons,
make one table: scripts/faults.py writes it to docs/faults.md.
"""

import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from selection import without_start_method

from procdemo.catalog import DEMOS

CASES = {
    "A1": "SIGTERM to an idle server: exit 0",
    "A2": "SIGTERM in the middle of a request: the client gets its whole answer",
    "A3": "SIGTERM while silent clients hold all workers: exit 0 within the grace",
    "A4": "Ctrl-C, idle and busy: exit 130 and no traceback",
    "A5": "Ctrl-C twice: the second does not wait",
    "A6": "Ctrl-C at any moment of the start",
    "A7": "SIGKILL of the command, or of the main process: nothing is left",
    "A8": "SIGKILL of the command while a worker is in a C call, or stopped",
    "A9": "the terminal is closed",
    "A10": "the reader of a pipe closes it, as head -1 does",
    "A11": "200 signals without a meaning, to every process",
    "B1": "an idle worker is killed",
    "B2": "a worker is killed in the middle of a request: one client is cut off",
    "B3": "all workers are killed at once",
    "B4": "every new worker is killed for ten seconds: starts thin out",
    "B5": "50 kills under honest clients",
    "B6": "a new worker holds no socket of a sibling's client",
    "C1": "silent clients on all workers",
    "C2": "clients that send a byte now and then",
    "C3": "clients that send for ever and never read",
    "C4": "clients that reset the connection",
    "C5": "200,000 bytes, half-close, read to the end",
    "C6": "the end of a connection is seen at once, while others stay",
    "C7": "more clients than descriptors",
    "C8": "500 connections in a second",
    "C9": "messages in any shape",
    "C10": "more than --max-bytes",
    "C11": "the port is taken",
    "C12": "wrong numbers, wrong hosts",
    "D1": "10,000 items, each done once",
    "D2": "workers killed all the time: each item has one fate",
    "D3": "all consumers are killed at once",
    "D4": "a producer is killed in the middle of a message",
    "D5": "an item that kills its worker every time",
    "D6": "an item that cannot be pickled",
    "D7": "an item that never returns",
    "E1": "100 pages, 8 workers, each called back once",
    "E2": "a callback raises",
    "E3": "a worker is killed during a download",
    "E4": "pages that never end, or never begin",
    "E5": "heads and bodies without end",
    "E6": "redirects to forbidden addresses",
    "E7": "odd encodings, odd statuses",
    "E8": "a page that takes too long to parse",
    "F1": "terminal escapes as data",
    "F2": "bytes that are no text",
    "F3": "a signal while the screen moves: the cursor comes back",
    "F4": "no colour, dumb, ASCII, one column",
    "G1": "every demo under every start method, warnings as errors",
    "G2": "as a script, as a module, from another folder",
    "H1": "nothing listens but the port asked for",
    "H2": "a pickle from another program",
    "H3": "other protocols",
    "H4": "a connection from another address",
}
"""What is done in each case. The tests say what is expected."""

_CASE = re.compile(r"(?:^|\[|-|test_)([a-h]\d{1,2})_")
_STEP = "__pytest_repeat_step_number"
_COMMAND = re.compile("|".join(row.name for row in DEMOS))


@dataclass
class Tally:
    """How the runs of one case went."""

    passed: int = 0
    failed: int = 0
    commands: set[str] = field(default_factory=set)
    on_the_tutorial: bool = False
    """Whether the case was shown to fail on a tutorial program."""

    def __str__(self) -> str:
        return f"{self.passed} of {self.passed + self.failed}"


def case_of(test: str) -> str | None:
    """Return the case that a test belongs to, by its name with parameters; None if to no case."""
    found = _CASE.findall(test)
    return found[-1].upper() if found else None


def commands_of(file: str, test: str) -> set[str]:
    """Return the commands that a test is about, by its name and the name of its file."""
    found = set(_COMMAND.findall(f"{file} {test}".replace("_", "-"))) - {"spawn"}
    methods = re.findall(r"(?<=[\[-])(?:fork|spawn|forkserver)(?=[\]-])", test)
    if "test_spawn" in file or (len(methods) > 1 and "spawn" in methods):  # one of them is the demo
        found.add("spawn")
    return found


def drawn(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield each test of a repetition under one start method; tests of the tutorial only in the first."""
    variants: dict[tuple[str, int], list[pytest.Item]] = defaultdict(list)
    for item in items:
        step = item.callspec.params.get(_STEP, 0) if hasattr(item, "callspec") else 0
        if not (step and "tutorial" in item.name):
            variants[without_start_method(item), step].append(item)
    for alike in variants.values():
        yield random.choice(alike)


class Programme:
    """The plugin: runs the tests that belong to a case, and counts them."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._tallies = {case: Tally() for case in CASES}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep only the tests that belong to a case."""
        cases = [item for item in items if case_of(item.name) in CASES]
        chosen = set(drawn(cases))
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = [item for item in cases if item in chosen]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test as passed if its call passes, as failed if any phase of it fails."""
        file, _, name = report.nodeid.partition("::")
        tally = self._tallies[case_of(name) or ""]
        if report.failed:
            tally.failed += 1
        elif report.when == "call" and report.passed:
            tally.passed += 1
            tally.commands |= commands_of(file, name)
            tally.on_the_tutorial |= "tutorial" in name

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a line for each case, and write the table."""
        terminalreporter.section("the fault programme")
        for case, tally in self._tallies.items():
            if tally.passed or tally.failed:
                verdict = "FAILED" if tally.failed else "passed"
                terminalreporter.line(f"{case:<4}{verdict} {tally!s:<12} {CASES[case]}")
        if self._file:
            self._keep(self._file)

    def _keep(self, file: Path) -> None:
        """Add the counts to those in `file`: Python version, then case, then a tally."""
        kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
        cases = kept.setdefault(f"{sys.version_info.major}.{sys.version_info.minor}", {})
        for case, tally in self._tallies.items():
            before = cases.get(case, {"passed": 0, "failed": 0, "commands": [], "tutorial": False})
            cases[case] = {
                "passed": before["passed"] + tally.passed,
                "failed": before["failed"] + tally.failed,
                "commands": sorted(tally.commands | set(before["commands"])),
                "tutorial": tally.on_the_tutorial or before["tutorial"],
            }
        file.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--tally``."""
    parser.addoption("--tally", type=Path, help="add the counts of all cases to this file")


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin."""
    config.pluginmanager.register(Programme(config.getoption("--tally")))
