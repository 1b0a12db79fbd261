"""Homework: problems, their answers by a real run, and the check of a sheet of answers."""

import re
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import click

from procdemo import __version__
from procdemo.cli.common_options import ViewOptions
from procdemo.cli.exit_codes import DONE, FAILED
from procdemo.demo.events import META, SUMMARY, Kind, own_event
from procdemo.demo.settings import CannotRunError
from procdemo.demo.text import printable, quoted
from procdemo.render.jsonl import SCHEMA, JsonLines
from procdemo.tour.quiz import Problem, problems

_ROLE = "quiz"
_LINE = re.compile(r"\s*(\d+)\s*[:.)]\s*(.*\S)\s*")


def give_quiz(kind: str, *, seed: int, count: int, check: bool, sheet: Path | None, view: ViewOptions) -> int:
    """Show problems, with `check` also their answers, or compare them with those of `sheet`.

    Args:
        kind: one of `procdemo.tour.quiz.KINDS`.
        seed: the same number gives the same problems.
        count: how many.
        check: run each, and show its answer.
        sheet: a file with lines ``N: answer``; each problem is run.
        view: how to show all this.

    Returns:
        The exit status: 1 if an answer of the sheet is wrong or missing.

    Raises:
        click.UsageError: a line of the sheet is no answer.
        click.FileError: the sheet cannot be read.
        CannotRunError: a run gave no answer.
    """
    given = _read(sheet, count) if sheet else {}
    writer = JsonLines(sys.stdout) if view.json else None
    about = {"schema": SCHEMA, "command": f"quiz {kind}", "version": __version__, "seed": seed}
    if writer:
        writer(own_event(Kind.MARK, META, about, _ROLE))
    right = 0
    for number, problem in enumerate(islice(problems(kind, seed), count), start=1):
        answer = _run(problem) if check or sheet else None
        verdict = None
        if sheet and answer is not None:
            verdict = number in given and problem.is_right(answer, given[number])
            right += verdict
        if writer:
            row = _row(number, problem, answer, given.get(number), verdict)
            writer(own_event(Kind.RESULT, "problem", row, _ROLE))
        elif sheet:
            click.echo(_judgement(number, answer or "", given.get(number), right=bool(verdict)))
        else:
            _show(number, problem, answer, view)
    last = _last(kind, seed, count, right if sheet else None, check=check)
    ok = not sheet or right == count
    if writer:
        facts = {"ok": ok, "answer": last, "problems": count, "right": right}
        writer(own_event(Kind.RESULT, SUMMARY, facts, _ROLE))
    elif not view.quiet:
        click.echo(last)
    return DONE if ok else FAILED


def _read(sheet: Path, count: int) -> dict[int, str]:
    """Return the answers of a sheet by number."""
    try:
        lines = sheet.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise click.FileError(str(sheet), error.strerror) from error
    found: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None or not 1 <= int(match[1]) <= count:
            what = f"line {number} of {printable(str(sheet))}, {quoted(line.strip())}, is not N: answer"
            raise click.UsageError(f"{what}, with N from 1 to {count}; for example 1: 0 2")
        found[int(match[1])] = match[2]
    return found


def _run(problem: Problem) -> str:
    done = subprocess.run([sys.executable, *problem.command], capture_output=True, text=True, check=False)
    try:
        return problem.read(done.stdout)
    except (ValueError, KeyError, StopIteration):
        why = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise CannotRunError(f"the run gave no answer: {why[0]}", "the same once more", FAILED) from None


def _show(number: int, problem: Problem, answer: str | None, view: ViewOptions) -> None:
    if not view.quiet:
        click.echo(f"{number}. {problem.question}\n   ({problem.hint})")
    if answer is not None:
        click.echo(f"   {number}: {answer}")
    if not view.quiet:
        click.echo()


def _judgement(number: int, answer: str, given: str | None, *, right: bool) -> str:
    if right:
        return f"{number}: right ({answer})"
    said = "no answer" if given is None else printable(given)
    return f"{number}: WRONG: {said}; the run says {answer}"


def _last(kind: str, seed: int, count: int, right: int | None, *, check: bool) -> str:
    if right is not None:
        return f"{right} of {count} right"
    again = f"procdemo quiz {kind} --seed {seed} -n {count}"
    if check:
        return f"Each answer is from a real run. To check a sheet: {again} --answers FILE"
    return f"To see the answers: {again} -c. To check a sheet with lines N: answer: --answers FILE"


def _row(
    number: int, problem: Problem, answer: str | None, given: str | None, right: bool | None
) -> dict[str, Any]:
    row = {"number": number, "question": problem.question, "form": problem.hint}
    row |= {} if answer is None else {"answer": answer}
    return row | ({} if right is None else {"given": given, "right": right})
