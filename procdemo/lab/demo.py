"""Claims and classic mistakes run for real: what is true on this Python.

Each lesson is a script or two, short enough to take home: what goes wrong, and what mends it.
What to watch: the verdict (OK, LOST, ERROR, HUNG) is given from outside, and compared with what
the lesson expects of this very interpreter and start method. A script that hangs is X-rayed
before it is ended: which thread waits in which line, for whom, and where the circle is.

\b
Try:
  procdemo lab
  procdemo lab join-before-drain
  procdemo lab join-before-drain --code --fixed
  procdemo lab lost-updates --guess LOST        (--predict asks you)
  procdemo lab --all

Compare with: the demos (procdemo list), which survive what is shown here.
"""

import multiprocessing
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from procdemo.demo.events import Emitter
from procdemo.demo.settings import Arg, DemoSettings, StartMethod, usable_cpus
from procdemo.lab.lesson import SCRIPTS, Interpreter, Lesson, find, lessons
from procdemo.lab.script_runs import ScriptRun, ScriptRuns
from procdemo.lab.verdict import Verdict, judge

STORY = {
    "lesson": "{title}: {claim}",
    "script.begin": "{lesson}: {file}",
    "says": "| {text}",
    "x-ray": "# {text}",
    "script.end": "{lesson}: {file}: {verdict} ({reason})",
    "surprise": "{lesson}: {file}: {differs}",
    "left out": "{lesson}: not run: {why}",
    "why": "{text}",
    "source": "See: {text}.",
    "guess": "you said {guess}, and it was {verdict}: {judgement}",
    "summary": "{scripts} scripts of {lessons} lessons on {interpreter}: {as_expected} as expected, "
    "{surprises} not; {left_out} lessons left out, {survivors} processes ended that nobody expected",
}


class Methods(StrEnum):
    """Under which start methods to run."""

    FORK = "fork"
    SPAWN = "spawn"
    FORKSERVER = "forkserver"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(DemoSettings):
    """Settings of `run`."""

    names: Annotated[tuple[str, ...], Arg("Lessons.", metavar="[LESSON]...", positional=True)] = ()
    all: Annotated[bool, Arg("Every lesson: the facts of this interpreter in a table.")] = False
    fixed: Annotated[bool, Arg("Only the script that mends it.")] = False
    code: Annotated[bool, Arg("Print the scripts instead of running them.")] = False
    predict: Annotated[bool, Arg("Ask before it runs what it will do (on a terminal).")] = False
    guess: Annotated[
        Literal["OK", "LOST", "ERROR", "HUNG"] | None, Arg("What you think that it will do.")
    ] = None
    start_method: Annotated[Methods, Arg("How child processes are made.")] = Methods(
        multiprocessing.get_all_start_methods()[0]
    )
    jobs: Annotated[int, Arg("Scripts at a time, with --all.", min=1, max=64)] = 3 * usable_cpus()


def run(config: Config, emit: Emitter) -> None:
    """Run the lessons' scripts, judge each, and say what was not as expected."""
    course = list(lessons().values()) if config.all else [find(name) for name in config.names]
    ready = [lesson for lesson in course if not lesson.missing()]
    methods = [method.value for method in StartMethod if config.start_method in {method.value, "all"}]
    findings = _perform(_trials(ready, methods, config), config, emit)
    for lesson in course:
        if lesson not in ready:
            emit.mark("left out", lesson=lesson.name, why=lesson.missing())
        elif not config.all:
            for sentence in lesson.why:
                emit.mark("why", text=sentence)
            emit.mark("source", text=lesson.source)
    for row in _matrix(findings, methods):
        emit.result("verdicts", **row)
    surprises = sum(bool(finding.verdict.differs) for finding in findings)
    survivors = sum(finding.unexpected for finding in findings)
    counts = {"scripts": len(findings), "lessons": len(ready), "left_out": len(course) - len(ready)}
    counts |= {"as_expected": len(findings) - surprises, "surprises": surprises, "survivors": survivors}
    emit.result("summary", ok=not surprises, interpreter=str(Interpreter.own()), **counts)


class _Finding(NamedTuple):
    trial: ScriptRun
    verdict: Verdict
    unexpected: int
    """Processes that it left behind beyond those that it was to."""


def _perform(trials: list[ScriptRun], config: Config, emit: Emitter) -> list[_Finding]:
    """Run all scripts, tell of them as it happens, and judge each."""
    findings = []
    in_full = not config.all or config.verbose > 0
    with ScriptRuns(config.jobs if config.all else 1) as court:
        for trial, word in court.hear(trials):
            names = trial.names()
            match word:
                case "begin", _:
                    if in_full and trial.script == trial.lesson.scripts[0]:
                        told = {"title": trial.lesson.title, "claim": trial.lesson.claim}
                        emit.mark("lesson", name=trial.lesson.name, **told)
                    emit.begin("script", **names)
                case "end", report:
                    expected = trial.script.expected(trial.method, Interpreter.own())
                    verdict = judge(report, expected)
                    unexpected = max(report.survivors - expected.survivors, 0)
                    findings.append(_Finding(trial, verdict, unexpected))
                    emit.end("script", **names, **verdict.facts(), seconds=report.seconds)
                    _comment(findings[-1], names, config, emit)
                case what, text if in_full:
                    emit.mark(what, text=text)
    return findings


def _comment(finding: _Finding, names: dict[str, str], config: Config, emit: Emitter) -> None:
    """Say whether a verdict is what the lesson expects, and what the learner did."""
    if finding.verdict.differs:
        emit.mark("surprise", **names, differs=finding.verdict.differs)
    if config.guess and names["script"] != "fixed":
        right = config.guess == finding.verdict.word
        judgement = "right" if right else "look again"
        emit.mark("guess", guess=config.guess, verdict=finding.verdict.word, judgement=judgement)


def _trials(course: list[Lesson], methods: list[str], config: Config) -> list[ScriptRun]:
    """Return what to run: those that want the machine for themselves come last."""
    return [
        ScriptRun(lesson, script, method)
        for lesson in sorted(course, key=lambda lesson: lesson.alone)
        for script in lesson.scripts
        if not config.fixed or script.kind == "fixed" or len(lesson.scripts) == 1
        for method in lesson.methods(methods)
    ]


def _matrix(findings: list[_Finding], methods: list[str]) -> Iterator[dict[str, str]]:
    """Yield a row for each script: its verdict under each start method, or the only one there is."""
    rows: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for trial, verdict, _ in findings:
        rows[trial.lesson.name, trial.script.kind][trial.method] = str(verdict)
    order = list(lessons())
    for name, script in sorted(rows, key=lambda row: (order.index(row[0]), SCRIPTS.index(row[1]))):
        found = rows[name, script]
        columns = {method: found.get(method, found.get("", "-")) for method in methods}
        yield {"lesson": name, "notes": " ".join(lessons()[name].notes), "script": script, **columns}
