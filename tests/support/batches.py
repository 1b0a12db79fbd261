"""Batches of items in the fault tests: ours and the tutorial's, watched and called to account alike."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from exits import ends
from harness import Command
from oracle import Result

TUTORIAL = [sys.executable, str(Path(__file__).with_name("tutorial_batch.py"))]
WORKERS = 2
PATIENCE_S = 3.0
"""How long the tutorial's batch may take; it has nothing to do that takes one second."""


def numbers(text: str) -> list[int]:
    """Return the numbers that ``0, 3-5`` stands for."""
    parts = [part.split("-") for part in text.split(", ")]
    return [n for part in parts for n in range(int(part[0]), int(part[-1]) + 1)]


def not_done(result: Result) -> dict[int, str]:
    """Return the items that a run names as not done, with their fates."""
    rows = [event.data for event in result.named("not done")]
    named = [(item, row["fate"]) for row in rows for item in numbers(row["items"])]
    assert len(named) == len(dict(named)), "an item is named twice"
    return dict(named)


def accounted(result: Result, items: int) -> dict[str, object]:
    """Check that each item is exactly once done, failed or lost, by name; return the summary."""
    summary = result.summary
    done = [event.data["item"] for event in result.named("done")]
    missing = not_done(result)
    failed = [event.data["item"] for event in result.named("failed")]
    assert sorted([*done, *missing]) == list(range(items)), result.told()[-3000:]
    assert sorted(failed) == sorted(item for item, fate in missing.items() if fate.startswith("failed: "))
    fates = ("done", "failed", "lost", "unfinished")
    assert summary["produced"] == items == sum(summary.get(fate, 0) for fate in fates)
    assert (summary["done"], summary["failed"]) == (len(done), len(failed))
    assert summary["ok"] is (summary["done"] == items)
    killed = [*result.named("overdue"), *result.named("not up")]
    assert summary["deaths"] == len(ends(result.events)) + len(killed)
    return summary


class Running:
    """A batch at work."""

    def __init__(self, command: Command, *, tutorial: bool) -> None:
        self.command = command
        self.tutorial = tutorial

    def at_work(self) -> list[tuple[int, int]]:
        """Return each item that was begun so far, with the PID of the worker that began it, in order."""
        if self.tutorial:
            lines = [line.split() for line in self.command.stdout.splitlines(keepends=True) if "\n" in line]
            return [(int(line[1]), int(line[2])) for line in lines if line[0] == "works"]
        begun = [event for event in self.command.events if (event.kind, event.name) == ("begin", "works")]
        return [(event.data["item"], event.pid) for event in begun]

    def begun(self, number: int, limit: float = 10.0) -> int:
        """Wait until `number` items were begun; return the PID of the last one's worker."""
        self.command.wait_for(lambda: len(self.at_work()) >= number, limit, f"item number {number} in hand")
        return self.at_work()[number - 1][1]

    def kill(self, number: int) -> None:
        """Kill the worker that was the `number`th to begin an item, as soon as that is known."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.begun(number), signal.SIGKILL)

    def finish(self, within: float) -> Result:
        """Wait for the end; the tutorial's comes soon or never."""
        return self.command.finish(PATIENCE_S if self.tutorial else within)

    def assert_accounted(self, result: Result, items: int) -> None:
        """Each item has one fate."""
        if self.tutorial:
            done = [int(line.split()[1]) for line in result.stdout.splitlines() if line.startswith("done")]
            assert sorted(done) == list(range(items)), f"LOST\n{result.told()}"
        else:
            accounted(result, items)


@dataclass(frozen=True)
class Batch:
    """`procdemo supervise` under a start method, or the tutorial's Pool."""

    start_method: str = ""

    @property
    def tutorial(self) -> bool:
        """Whether it is the tutorial's."""
        return not self.start_method

    @contextlib.contextmanager
    def start(self, *args: str, workers: int = WORKERS, **limits: float) -> Iterator[Running]:
        """Run it; `limits` such as ``item_deadline`` are options that the tutorial does not have."""
        args = (*args, "--workers", str(workers))
        if self.tutorial:
            command = Command(*args, program=TUTORIAL)
        else:
            args += tuple(f"--{name.replace('_', '-')}={value}" for name, value in limits.items())
            command = Command("supervise", "--json", *args, start_method=self.start_method, limit=50)
        with command:
            yield Running(command, tutorial=self.tutorial)


@pytest.fixture
def ours(start_method: str) -> Batch:
    """Return our batch under each start method in turn; to be imported by name."""
    return Batch(start_method)
