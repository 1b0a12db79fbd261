"""Claims and classic mistakes: what is true on this Python.

What to watch:
  - each lesson is a script or two, short enough to take home: broken.py goes
    wrong, fixed.py is right
  - the verdict (OK, LOST, ERROR, HUNG) comes from outside. It is compared
    with what the lesson expects of this Python and start method
  - if a script hangs, an X-ray is taken before it is ended. Which thread
    waits in which line, for which process? Is there a circle?
  - the lanes show the processes and threads of the scripts

\b
Try:
  procdemo lab
  procdemo lab deadlock                         (finds lessons by words)
  procdemo lab join-before-drain
  procdemo lab two-locks -o locks.html          (the circle, drawn)
  procdemo lab join-before-drain --code --fixed
  procdemo lab lost-updates --guess LOST
  procdemo lab e --predict                      (asks you about chapter E)
  procdemo lab --all

Compare with: the demos (procdemo list), which survive what is shown here.
"""

import multiprocessing
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, NoReturn

from procdemo.demo.events import (
    CIRCLE,
    CODE,
    OBSERVER,
    SUMMARY,
    THREAD,
    USAGE,
    Emitter,
    Event,
    rename_process,
)
from procdemo.demo.settings import (
    Arg,
    CannotRunError,
    DemoSettings,
    HelpGroup,
    LimitArg,
    StartMethod,
    usable_cpus,
)
from procdemo.lab.lesson import SCRIPTS, Interpreter, Lesson, find, lessons
from procdemo.lab.script_runs import News, ScriptRun, ScriptRuns
from procdemo.lab.verdict import Verdict, judge
from procdemo.probe.process_table import ProcessTable
from procdemo.process import procfs

STORY = {
    "lesson": "{name}: {title}",
    "says": "  | {text:.74}",
    "found": "  {short}",
    "hidden": "{text}",
    "script.end": "{file}: {shown}",
    "surprise": "{lesson}, {file}: {differs}",
    "left out": "{lesson}: not run: {why}",
    "why": "{text}",
    "guess": "you said {guess}, and it was {verdict}: {judgement}",
}
FIRST = {"says": 3, "why": 2}
DETAIL = {
    "says": "  | {text}",
    "frame": "  | {text}",
    "found": "  {text}",
    "claim": "{text}",
    "script.begin": "{file}",
    "x-ray": "  # {text}",
    "source": "See: {text}.",
}
DETAIL_TABLES = ("verdict",)
BARE = {*STORY, *DETAIL}
LINES = 22  # of the screen; the lanes get what the sentences leave

THREADS = ("broken.py", "fixed.py", "shows.py", "child")
_FEW = 6  # scripts that an answer names
_DOES = {"OK": "works", "LOST": "loses work", "ERROR": "fails", "HUNG": "hangs"}
_AT_LINE = re.compile(r"\((\w+\.py:\d+) .*\)$")  # "(broken.py:13 transfer: with target:)"
_PIECE = 20  # lines of source in an event, which has less than 4,094 bytes

ALSO = (("HANG", "HUNG"), ("HANGS", "HUNG"), ("LOSE", "LOST"), ("LOSES", "LOST"), ("FAIL", "ERROR"))
"""Other words for a verdict that a person may type, and the verdict."""


class Methods(StrEnum):
    """The start methods to run a script under."""

    FORK = "fork"
    SPAWN = "spawn"
    FORKSERVER = "forkserver"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(DemoSettings):
    """Settings of `run`."""

    names: Annotated[tuple[str, ...], Arg("Lessons.", metavar="[LESSON]...", positional=True)] = ()
    all: Annotated[bool, Arg("Run every lesson: a table for this Python.")] = False
    fixed: Annotated[bool, Arg("Run only fixed.py.")] = False
    code: Annotated[bool, Arg("Print the scripts, and do not run them.")] = False
    predict: Annotated[bool, Arg("Ask you before each lesson, and keep the score.")] = False
    guess: Annotated[
        Literal["OK", "LOST", "ERROR", "HUNG"] | None, Arg("Your guess of the verdict.", also=ALSO)
    ] = None
    start_method: Annotated[
        Methods, Arg("Start method: fork, spawn, forkserver, or all.", metavar="METHOD")
    ] = Methods(multiprocessing.get_all_start_methods()[0])
    no_sample: Annotated[bool, Arg("Do not look at the processes from outside.", group=HelpGroup.OUTPUT)] = (
        False
    )
    jobs: Annotated[int, LimitArg("Scripts at the same time, with --all.", min=1, max=64)] = 3 * usable_cpus()


def run(config: Config, emit: Emitter) -> None:
    """Run the scripts of the lessons, judge each, and report what was not as expected."""
    procfs.require("whether a script hangs")
    rename_process(OBSERVER)  # it has no lane: the lanes are those of the scripts
    chosen = list(lessons().values()) if config.all else [find(name) for name in config.names]
    ready = [lesson for lesson in chosen if not lesson.missing()]
    methods = [method.value for method in StartMethod if config.start_method in {method.value, "all"}]
    runs = _script_runs(ready, methods, config)
    if not runs:
        _refuse(chosen[0], config)
    findings = _run_all(runs, config, emit)
    for lesson in chosen:
        if lesson not in ready:
            emit.mark("left out", lesson=lesson.name, why=lesson.missing())
        elif not config.all:
            for sentence in lesson.why:
                emit.mark("why", text=sentence)
            emit.mark("source", text=lesson.source)
    table = "verdicts" if len(ready) * len(methods) > 1 else "verdict"
    for row in _matrix(findings, methods):
        emit.result(table, **row)
    surprises = sum(bool(finding.verdict.differs) for finding in findings)
    survivors = sum(finding.unexpected for finding in findings)
    counts = {"scripts": len(findings), "lessons": len(ready), "left_out": len(chosen) - len(ready)}
    counts |= {"as_expected": len(findings) - surprises, "surprises": surprises, "survivors": survivors}
    answer = _answer(findings, counts, config)
    emit.result(SUMMARY, ok=not surprises, answer=answer, interpreter=str(Interpreter.own()), **counts)


def _refuse(lesson: Lesson, config: Config) -> NoReturn:
    """Raise the reason why nothing of `lesson` can be run: a run that shows nothing is not ok.

    Raises:
        CannotRunError: always; the exit status is 3 if the platform lacks something, else 2.
    """
    if why := lesson.missing():
        raise CannotRunError(
            f"{lesson.name}: not run: {why}", "procdemo lab, for another lesson", exit_code=3
        )
    message = f"{lesson.name} is not about the start method {config.start_method}"
    raise CannotRunError(message, f"--start-method {lesson.start_methods[0]}", exit_code=2)


class _Finding(NamedTuple):
    run: ScriptRun
    verdict: Verdict
    unexpected: int
    """How many processes it left behind, beyond those that its lesson expects."""


def _answer(findings: list[_Finding], counts: dict[str, int], config: Config) -> str:
    """Return in a sentence whether the scripts did what their lessons expect."""
    python = f"({str(Interpreter.own()).partition(',')[0]}, {config.start_method})"
    if len(findings) > _FEW:
        others = f"; {counts['left_out']} lessons left out" if counts["left_out"] else ""
        scripts = f"{counts['scripts']} scripts of {counts['lessons']} lessons"
        return f"{scripts}: {counts['as_expected']} as expected, {counts['surprises']} not{others}. {python}"
    did = ", ".join(
        f"{run.script.kind}.py {f'shows {verdict.own}' if verdict.own else _DOES[verdict.word]}"
        for run, verdict, _ in findings
    )
    return f"{'Not as' if counts['surprises'] else 'As'} expected: {did}. {python}"


def _run_all(runs: list[ScriptRun], config: Config, emit: Emitter) -> list[_Finding]:
    """Run all scripts, report each as it happens, and judge it."""
    findings = []
    in_full = not config.all or config.verbose > 0
    table = ProcessTable()
    states = not (config.all or config.no_sample)
    with ScriptRuns(config.jobs if config.all else 1, states=states) as script_runs:
        for run, news in script_runs.run_all(runs):
            names = run.names()
            match news:
                case "begin", file:
                    if in_full:
                        _introduce(run, file, emit)
                    emit.begin("script", **names)
                case "end", report:
                    expected = run.script.expected(run.method, Interpreter.own())
                    verdict = judge(report, expected)
                    unexpected = max(report.survivors - expected.survivors, 0)
                    findings.append(_Finding(run, verdict, unexpected))
                    emit.end("script", **names, **verdict.facts(), seconds=report.seconds)
                    _comment(findings[-1], names, config, emit)
                case "states", told:
                    table.note(map(Event._make, told))
                    for fields in told:
                        emit.relay(tuple(fields))
                case _ if in_full:
                    _tell(news, f"{run.lesson.name}: {names['file']}", emit)
    for row in table.rows():
        emit.result(USAGE, **row)
    return findings


def _introduce(run: ScriptRun, file: str, emit: Emitter) -> None:
    """Report the claim of a lesson, and the source of a script of it."""
    if run.script == run.lesson.scripts[0]:
        emit.mark("lesson", name=run.lesson.name, title=run.lesson.title)
        emit.mark("claim", text=run.lesson.claim)
    lines = run.script.path.read_text("utf-8").splitlines()
    for first in range(0, len(lines), _PIECE):
        emit.mark(CODE, file=file, line=first + 1, text="\n".join(lines[first : first + _PIECE]))


def _tell(news: News, picture: str, emit: Emitter) -> None:
    """Report a line about a script, or a part of the picture of one that hangs."""
    match news:
        case "thread", row:
            emit.result(THREAD, picture=picture, **row)
        case "circle", threads:
            emit.mark(CIRCLE, picture=picture, threads=threads)
        case "found", text:
            emit.mark("found", text=text, short=_AT_LINE.sub(r"(\1)", text))
        case what, text:
            emit.mark(what, text=text)


def _comment(finding: _Finding, names: dict[str, str], config: Config, emit: Emitter) -> None:
    """Report whether the verdict is what the lesson expects, and what the learner has guessed."""
    if finding.verdict.differs:
        emit.mark("surprise", **names, differs=finding.verdict.differs)
    if config.guess and names["script"] != "fixed":
        right = config.guess == finding.verdict.word
        judgement = "right" if right else "look again"
        emit.mark("guess", guess=config.guess, verdict=finding.verdict.word, judgement=judgement)


def _script_runs(chosen: list[Lesson], methods: list[str], config: Config) -> list[ScriptRun]:
    """Return what to run; scripts that need the machine for themselves come last."""
    return [
        ScriptRun(lesson, script, method)
        for lesson in sorted(chosen, key=lambda lesson: lesson.alone)
        for script in lesson.scripts
        if not config.fixed or script.kind == "fixed" or len(lesson.scripts) == 1
        for method in lesson.methods(methods)
    ]


def _matrix(findings: list[_Finding], methods: list[str]) -> Iterator[dict[str, str]]:
    """Yield a row for each script: its verdict under each start method."""
    rows: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for run, verdict, _ in findings:
        rows[run.lesson.name, run.script.kind][run.method] = str(verdict)
    order = list(lessons())
    for name, script in sorted(rows, key=lambda row: (order.index(row[0]), SCRIPTS.index(row[1]))):
        found = rows[name, script]
        columns = {method: found.get(method, found.get("", "-")) for method in methods}
        yield {"lesson": name, "script": script, **columns}
