"""Run several scripts at a time, each under a watchdog of its own, and yield what the watchdogs report."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from procdemo.demo.settings import CannotRunError
from procdemo.lab.lesson import Lesson, Script
from procdemo.lab.verdict import Report
from procdemo.process.readiness import wait_ready

STILL_S = 1.0
"""A script in which nothing moves for so long is hung; no lesson waits that long on purpose."""
_END_S = 3.0  # for a watchdog to clean up and end
_ROOT = Path(__file__).parents[2]
_OTHER_NAMES = {"xray": "x-ray"}


class ScriptRun(NamedTuple):
    """A script to be run under a start method; ``""`` if the start method makes no difference."""

    lesson: Lesson
    script: Script
    method: str

    def names(self) -> dict[str, str]:
        """Return what identifies the run, as the data of an event."""
        file = f"{self.script.path.name} {self.method}".strip()
        return {
            "lesson": self.lesson.name,
            "script": self.script.kind,
            "start_method": self.method,
            "file": file,
        }


class News(NamedTuple):
    """One piece of news of a run."""

    what: str
    """One of these:

    - ``begin``: it is started; `told` is the path of its file.
    - ``says``: a line of the script; ``frame``: one without text, or of a traceback, before its last.
    - ``x-ray``, ``found``: what its threads do, and why it hangs;
      ``hidden``: what cannot be seen of it.
    - ``thread``, ``circle``: a row of the wait-for graph, and the threads of a circle in it.
    - ``states``: fields of events about its processes; they come after ``end``, too.
    - ``end``: it has ended; `told` is the `Report`.
    """
    told: Any


class _Running:
    """A run under its watchdog, and what has been read from the watchdog."""

    def __init__(self, script_run: ScriptRun, watchdog: subprocess.Popen[bytes]) -> None:
        self.run = script_run
        self.watchdog = watchdog
        self.rest = b""  # the beginning of a line whose end has not come yet
        self.said: list[str] = []
        self.in_traceback = False
        self.ended = False  # whether the watchdog has reported the end of the script

    def read(self) -> Iterator[News] | None:
        """Read what the watchdog has written; yield its news, None at the end of the file."""
        chunk = os.read(_pipe(self.watchdog.stdout).fileno(), 65536)
        *lines, self.rest = (self.rest + chunk).split(b"\n")
        return (self._news(json.loads(line)) for line in lines) if chunk else None

    def _news(self, record: dict[str, Any]) -> News:
        if "ended" in record:
            self.ended = True
            survivors = len(record["survivors"])
            return News(
                "end", Report(self.said, record["ended"], record["hung"], record["seconds"], survivors)
            )
        what, told = next(iter(record.items()))
        if what == "says":
            self.said.append(told)
            begins = told == "Traceback (most recent call last):"
            self.in_traceback = begins or (self.in_traceback and told.startswith(" "))
            what = "frame" if self.in_traceback or not told.strip() else what
        return News(_OTHER_NAMES.get(what, what), told)


class ScriptRuns:
    """The watchdogs that run now. Leaving the block ends them, and they end their scripts."""

    def __init__(self, jobs: int, *, states: bool = False) -> None:
        """Run at most `jobs` scripts at a time; with `states` there is news of what their threads do."""
        self._jobs = jobs
        self._states = ["--states"] if states else []
        self._running: dict[int, _Running] = {}  # by the descriptor that the watchdog's report is read from

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in self._running.values():
            _pipe(running.watchdog.stdin).close()  # tells the watchdog to end
        for running in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                running.watchdog.wait(_END_S)

    def run_all(self, runs: Sequence[ScriptRun]) -> Iterator[tuple[ScriptRun, News]]:
        """Run all scripts, several at a time, and yield the news of each run.

        Raises:
            CannotRunError: a watchdog was killed; the processes of its script end with this demo.
        """
        todo = list(reversed(runs))
        while todo or self._running:
            while todo and self._has_room(todo[-1]):
                script_run = todo.pop()
                yield script_run, News("begin", self._start(script_run))
            for fd in wait_ready(self._running, None):
                running = self._running[fd]
                news = running.read()
                if news is None:
                    self._close(self._running.pop(fd))
                else:
                    for each in news:
                        yield running.run, each

    def _close(self, running: _Running) -> None:
        watchdog, lesson, kind = running.watchdog, running.run.lesson.name, running.run.script.kind
        _pipe(watchdog.stdin).close()
        _pipe(watchdog.stdout).close()
        watchdog.wait()
        if not running.ended:
            message = f"{lesson}: the watchdog of {kind}.py, PID {watchdog.pid}, was killed"
            raise CannotRunError(message, f"procdemo lab {lesson}")

    def _has_room(self, script_run: ScriptRun) -> bool:
        if any(running.run.lesson.alone for running in self._running.values()):
            return False
        return len(self._running) < (1 if script_run.lesson.alone else self._jobs)

    def _start(self, script_run: ScriptRun) -> str:
        """Start a script under a watchdog; return the path of its file."""
        file = _file(script_run)
        method = [script_run.method] if script_run.method else []
        limits = [str(script_run.lesson.deadline), str(STILL_S)]
        watchdog = subprocess.Popen(
            [sys.executable, "-m", "procdemo.lab.watchdog", *self._states, file, *method, *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **_where(),
            process_group=0,  # a signal to our group must not reach it: it must live to clean up after us
        )
        self._running[_pipe(watchdog.stdout).fileno()] = _Running(script_run, watchdog)
        return file


def _where() -> dict[str, Any]:
    """Return the arguments of Popen with which a new interpreter finds this very procdemo first."""
    if _ROOT.is_dir():
        return {"cwd": _ROOT}
    paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]  # procdemo is in a zip
    return {"env": {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}}


def _file(script_run: ScriptRun) -> str:
    """Return the file of a script; if it is in a zip, that of a copy in the temporary folder of the demo."""
    path = script_run.script.path
    if isinstance(path, Path):
        return str(path)
    import tempfile  # noqa: PLC0415 - slow, and rarely needed

    copy = Path(tempfile.mkdtemp(prefix="lesson-")) / path.name
    copy.write_bytes(path.read_bytes())
    return str(copy)


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None  # noqa: S101 - Popen was given PIPE
    return end
