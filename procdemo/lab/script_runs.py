"""Several scripts at a time, each under a warden of its own; what the wardens report, as it comes."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, NamedTuple, Self

from procdemo.demo.settings import CannotRunError
from procdemo.lab.lesson import Lesson, Script
from procdemo.lab.verdict import Report

STILL_S = 1.0
"""A script in which nothing moves for so long is hung; no lesson waits that long on purpose."""
_FAREWELL_S = 3.0
_HERE = Path(__file__).parents[2]


class ScriptRun(NamedTuple):
    """A script to be run under a start method; ``""`` where that makes no difference."""

    lesson: Lesson
    script: Script
    method: str

    def names(self) -> dict[str, str]:
        """Return it as the data of an event."""
        file = f"{self.script.path.name} {self.method}".strip()
        return {
            "lesson": self.lesson.name,
            "script": self.script.kind,
            "start_method": self.method,
            "file": file,
        }


Word = tuple[Literal["begin"], None] | tuple[Literal["says", "x-ray"], str] | tuple[Literal["end"], Report]
"""What is heard of a trial: its begin, lines of the script and about it, and in the end the whole."""


class ScriptRuns:
    """The wardens at work. Leaving the block ends them, and they end what they watch."""

    def __init__(self, jobs: int) -> None:
        """Run at most so many scripts at a time."""
        self._jobs = jobs
        self._at_work: dict[int, tuple[ScriptRun, subprocess.Popen[bytes]]] = {}
        self._rest: dict[int, bytes] = {}
        self._said: dict[int, list[str]] = {}
        self._ended: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, warden in self._at_work.values():
            _pipe(warden.stdin).close()  # the word to end
        for _, warden in self._at_work.values():
            with suppress(subprocess.TimeoutExpired):
                warden.wait(_FAREWELL_S)

    def hear(self, trials: Sequence[ScriptRun]) -> Iterator[tuple[ScriptRun, Word]]:
        """Run all of them, several at a time, and yield what is heard of each.

        Raises:
            CannotRunError: a warden was killed; who of its script is left ends with the stage.
        """
        todo = list(reversed(trials))
        while todo or self._at_work:
            while todo and self._has_room(todo[-1]):
                yield self._begin(todo.pop()), ("begin", None)
            for fd in select.select(list(self._at_work), [], [])[0]:
                trial = self._at_work[fd][0]
                chunk = os.read(fd, 65536)
                *lines, self._rest[fd] = (self._rest[fd] + chunk).split(b"\n")
                for line in lines:
                    yield trial, self._word(fd, json.loads(line))
                if not chunk:
                    self._dismiss(fd)

    def _dismiss(self, fd: int) -> None:
        trial, warden = self._at_work.pop(fd)
        del self._rest[fd], self._said[fd]
        _pipe(warden.stdin).close()
        _pipe(warden.stdout).close()
        warden.wait()
        if fd not in self._ended:
            message = (
                f"{trial.lesson.name}: the warden of {trial.script.kind}.py, PID {warden.pid}, was killed"
            )
            raise CannotRunError(message, f"procdemo lab {trial.lesson.name}")
        self._ended.remove(fd)

    def _has_room(self, trial: ScriptRun) -> bool:
        if any(other.lesson.alone for other, _ in self._at_work.values()):
            return False
        return len(self._at_work) < (1 if trial.lesson.alone else self._jobs)

    def _begin(self, trial: ScriptRun) -> ScriptRun:
        method = [trial.method] if trial.method else []
        limits = [str(trial.lesson.deadline), str(STILL_S)]
        warden = subprocess.Popen(
            [sys.executable, "-m", "procdemo.lab.watchdog", str(trial.script.path), *method, *limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_HERE,  # where this very procdemo is found first
            process_group=0,  # whoever kills our group does not mean it: it cleans up after us
        )
        fd = _pipe(warden.stdout).fileno()
        self._at_work[fd] = trial, warden
        self._rest[fd], self._said[fd] = b"", []
        return trial

    def _word(self, fd: int, told: dict[str, Any]) -> Word:
        if "xray" in told:
            return "x-ray", told["xray"]
        if "says" in told:
            self._said[fd].append(told["says"])
            return "says", told["says"]
        survivors = len(told["survivors"])
        self._ended.add(fd)
        return "end", Report(self._said[fd], told["ended"], told["hung"], told["seconds"], survivors)


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None  # noqa: S101 - it was asked for
    return end
