"""Measure designs in turn, round after round, until the time is up; and judge the differences.

Other programs may use the machine, too. So a figure alone says little, and only figures of the same minutes
can be compared: every round measures every design once, in a random order. The median of each design counts;
the smallest and the largest figure show how certain it is.
"""

import os
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from procdemo.demo.event_log import DamagedLogError, read
from procdemo.demo.events import INCONCLUSIVE, Emitter, Kind
from procdemo.demo.settings import Arg, CannotRunError, Settings, usable_cpus
from procdemo.demo.text import reason_of
from procdemo.process.usage import BUSY, CpuUsage, tree_cpu_s

STORY = {
    "sample.end": "{design}: {figure:.4g} {unit}",
    "too busy": "others used {others:.0%} of the CPUs meanwhile: such figures mislead",
    "summary": "{rounds} rounds in {seconds:.1f} s; best: {best}; {verdict}",
}
_LEAST = 3  # rounds, unless they take twice the budget
_NOISE = "within the noise"
_ENOUGH = 5  # samples on each side: by chance alone, two ranges lie apart once in 126 times (2 of 10 over 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings(Settings):
    """Settings of every comparison."""

    budget: Annotated[float, Arg("Time for all rounds.", min=0.1, max=3600, metavar="SECONDS")] = 20.0
    compare: Annotated[
        Path | None, Arg("Compare with an earlier run (--json or --record).", metavar="FILE")
    ] = None

    @property
    def stop_patience(self) -> float:
        """Less than others have: nothing is worth waiting for, and a Pool's terminate() can hang."""
        return 1.5


class Design(NamedTuple):
    """One of the designs that are compared."""

    name: str
    sample: Callable[[], float]
    """Measures it once, and returns the figure."""


class Spread(NamedTuple):
    """Median, smallest and largest of the samples of a design."""

    median: float
    low: float
    high: float
    samples: int

    def differs(self, other: "Spread") -> bool:
        """Return whether the ranges of the two lie apart, and far enough apart if there are few samples.

        With three samples the gap must be as wide as the wider of the two ranges, with four half as wide:
        so chance alone does it in less than 1 % of cases, as with five.
        """
        few = max(_ENOUGH - min(self.samples, other.samples), 0)
        gap = max(self.low - other.high, other.low - self.high)
        return gap > few / 2 * max(self.high - self.low, other.high - other.low)

    def judge(self, other: "Spread", *, most: bool) -> str:
        """Return what has changed since `other`: ``better``, ``worse`` or neither; `most` as in `compare`."""
        if min(self.samples, other.samples) < _LEAST:
            return "too few rounds"
        if not self.differs(other):
            return _NOISE
        return "better" if (self.median > other.median) == most else "worse"


class Findings(NamedTuple):
    """The result of a comparison."""

    spreads: dict[str, Spread]
    """By the name of the design."""
    summary: dict[str, Any]
    """Data for the result ``summary``."""


def compare(
    designs: Sequence[Design], unit: str, config: BenchSettings, emit: Emitter, *, most: bool = True
) -> Findings:
    """Measure all designs in turn, report every sample and the table; return what the summary needs.

    Args:
        designs: what is compared.
        unit: the unit of the figures, e.g. ``items per second``; also the name of the table.
        config: how long it may take, and an earlier run.
        emit: gets every sample, and the table.
        most: whether more is better.

    Raises:
        CannotRunError: the file of the earlier run cannot be read, or is of another comparison.
    """
    before = _earlier(config.compare, unit) if config.compare else {}
    begin, own_s = time.monotonic(), tree_cpu_s(os.getpid())
    samples: dict[str, list[float]] = {design.name: [] for design in designs}
    rounds, longest = 0, 0.0
    with CpuUsage(usable_cpus()) as usage:
        while _goes_on(time.monotonic() - begin, rounds, longest, config.budget):
            round_begin = time.monotonic()
            for design in random.sample(designs, len(designs)):
                emit.begin("sample", design=design.name)
                figure = design.sample()
                emit.end("sample", design=design.name, figure=figure, unit=unit)
                samples[design.name].append(figure)
                emit.count("seconds", min(time.monotonic() - begin, config.budget), total=config.budget)
            rounds, longest = rounds + 1, max(longest, time.monotonic() - round_begin)
    spreads = {name: Spread(statistics.median(s), min(s), max(s), len(s)) for name, s in samples.items()}
    best = _report(spreads, unit, emit, most=most)
    others = usage.share_of_others(tree_cpu_s(os.getpid()) - own_s)
    changed = _report_changes(before, spreads, emit, most=most, busy=others > BUSY)
    if others > BUSY:
        emit.mark("too busy", others=others)
    verdict = "no verdict, the machine was too busy" if others > BUSY else changed
    facts = {"rounds": rounds, "seconds": usage.wall_s, "best": best, "others": others, "verdict": verdict}
    return Findings(spreads, {"ok": True, **({"outcome": INCONCLUSIVE} if others > BUSY else {}), **facts})


def _goes_on(seconds: float, rounds: int, longest: float, budget: float) -> bool:
    """Return whether there is time for one more round."""
    return seconds + longest <= budget or (rounds < _LEAST and seconds + longest <= 2 * budget) or not rounds


def _report(spreads: Mapping[str, Spread], unit: str, emit: Emitter, *, most: bool) -> str:
    """Report the table, the best design first; return the name of the best."""
    ranked = sorted(spreads, key=lambda name: spreads[name].median, reverse=most)
    best = spreads[ranked[0]].median
    longest = max(spread.median for spread in spreads.values())
    for name in ranked:
        spread = spreads[name]
        row = {key: _short(value) for key, value in spread._asdict().items()}
        ratio = spread.median / best if best else 1.0
        emit.result(unit, design=name, **row, ratio=_short(ratio), bar=spread.median / (longest or 1.0))
    return ranked[0]


def _report_changes(
    before: Mapping[str, Spread], spreads: Mapping[str, Spread], emit: Emitter, *, most: bool, busy: bool
) -> str:
    """Report what has changed since an earlier run; return the verdict in words."""
    if not before:
        return "every round measured all of them"
    changed = 0
    for name in spreads.keys() & before.keys():
        was, now = before[name], spreads[name]
        verdict = "no verdict" if busy else now.judge(was, most=most)
        changed += verdict in {"better", "worse"}
        ratio = _short(now.median / was.median) if was.median else None
        emit.result(
            "changes", design=name, was=was.median, now=_short(now.median), ratio=ratio, verdict=verdict
        )
    return f"{changed} of {len(spreads.keys() & before.keys())} have changed beyond the noise"


def _earlier(file: Path, unit: str) -> dict[str, Spread]:
    """Return the table `unit` of an earlier run, by the name of the design."""
    hint = "one that --json or --record has written, of the same comparison"
    try:
        with file.open("rb") as lines:
            rows = [event.data for event in read(lines) if event.kind == Kind.RESULT and event.name == unit]
    except (OSError, DamagedLogError) as error:
        raise CannotRunError(f"--compare {file}: {reason_of(error)}", hint, exit_code=2) from error
    found = {row["design"]: Spread(*(row[field] for field in Spread._fields)) for row in rows}
    if not found:
        raise CannotRunError(f"--compare {file}: it has no {unit}", hint, exit_code=2)
    return found


def _short(value: float) -> float:
    """Return a figure with four significant digits."""
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() else short


def timed(work: Callable[[], Any]) -> float:
    """Return how many seconds `work` takes."""
    before = time.perf_counter()
    work()
    return time.perf_counter() - before
