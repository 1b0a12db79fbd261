"""The verdict on a script, from what was seen of it, and whether the lesson expects that verdict."""

import re
from typing import Any, NamedTuple

from procdemo.lab.lesson import Expectation

_COUNTED = re.compile(r"(?:[a-z ]+: )?expected (\d+), got (\d+)")


class Report(NamedTuple):
    """What was seen of one run of a script."""

    said: list[str]
    """Lines of its stdout and stderr."""
    status: int | None
    """Its exit status, -N if signal N killed it; without meaning if it hung."""
    hung: str
    """Why it counts as hung; empty if it has ended."""
    seconds: float
    survivors: int
    """How many processes it left behind."""


class Verdict(NamedTuple):
    """One word, and the reason for it."""

    word: str
    """One of `lesson.VERDICTS`."""
    lost: int
    """How many are missing of what the script has counted; negative if there are too many."""
    reason: str
    differs: str
    """How it differs from what was expected; empty if it does not."""
    own: str = ""
    """What it means in the words of its lesson; empty if the word says it."""

    def __str__(self) -> str:
        return f"{self.word} {self.lost}" if self.word == "LOST" else self.word

    def facts(self) -> dict[str, Any]:
        """Return the verdict as the data of an event."""
        shown = f"{self.own} ({self.word}: {self.reason})" if self.own else f"{self} ({self.reason})"
        return {"verdict": str(self), "reason": self.reason, "differs": self.differs, "shown": shown}


def judge(report: Report, expected: Expectation) -> Verdict:
    """Return the verdict on a run: HUNG, else LOST by its own count, else ERROR by its status, else OK."""
    lost, counted = 0, ""
    for line in report.said:
        if found := _COUNTED.search(line):
            lost, counted = int(found[1]) - int(found[2]), found[0]
            if lost:
                break
    if report.hung:
        word, reason = "HUNG", report.hung
    elif lost:
        word, reason = "LOST", counted
    elif report.status:
        word, reason = "ERROR", f"exit status {report.status}"
    else:
        word, reason = "OK", counted or "exit status 0"
    if report.survivors:
        reason += f", {report.survivors} left behind"
    own = expected.lost_means.format(lost=abs(lost)) if word == "LOST" else ""
    return Verdict(word, lost, reason, _difference(word, report, expected), own)


def _difference(word: str, report: Report, expected: Expectation) -> str:
    if word != expected.verdict:
        return f"expected {expected.verdict}"
    if report.survivors != expected.survivors:
        return f"expected {expected.survivors} left behind, not {report.survivors}"
    for pattern in expected.shows:
        if not any(re.search(pattern, line) for line in report.said):
            return f"expected to read '{pattern}'"
    return ""
